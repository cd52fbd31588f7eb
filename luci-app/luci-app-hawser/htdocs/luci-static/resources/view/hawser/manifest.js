'use strict';
'require baseclass';

/* The Kubernetes side of a cluster section: what to apply there so that its
 * speakers meet this router. A pure function of the configuration. */

const namespace = 'hawser-system';

/* A UCI name as a Kubernetes one (RFC 1123). */
function kubernetesName(name) {
	return String(name).toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 40) || 'cluster';
}

function list(value) {
	const all = Array.isArray(value) ? value : String(value ?? '').split(/\s+/);
	return all.map(v => v.trim()).filter(v => v);
}

/* JSON's strings are YAML's too. */
function quoted(text) { return JSON.stringify(String(text)) }

function number(text) { return /^[0-9]+$/.test(String(text ?? '')) ? Number(text) : 0 }

function object(kind, name, lines) {
	return [ 'apiVersion: hawser.dev/v1alpha1', 'kind: ' + kind, 'metadata:', '  name: ' + name, 'spec:' ].concat(lines).join('\n');
}

function pool(name, allow) {
	return object('AddressPool', name, [ '  addresses:' ].concat(allow.map(a => '  - ' + quoted(a))));
}

function timers(want) {
	const all = [];
	if (want.bfdInterval)
		all.push('    transmitInterval: %dms'.format(want.bfdInterval), '    receiveInterval: %dms'.format(want.bfdInterval));
	if (want.bfdMultiplier)
		all.push('    detectMultiplier: ' + want.bfdMultiplier);
	return all;
}

function peer(name, want) {
	const lines = [
		'  myASN: ' + want.clusterASN,
		'  peerASN: ' + want.routerASN,
		want.address ? '  peerAddress: ' + quoted(want.address) : '  peerAddressFrom: DefaultGateway'
	];
	if (want.port && want.port != 179)
		lines.push('  peerPort: ' + want.port);
	if (want.multihop)
		lines.push('  ebgpMultiHop: true');
	if (want.ttlSecurity)
		lines.push('  ttlSecurity: ' + want.ttlSecurity);
	if (want.bfd)
		lines.push('  bfd:', '    enabled: true', ...timers(want));
	if (want.password)
		lines.push('  passwordSecret:', '    name: ' + want.secret);
	return object('BGPPeer', name, lines);
}

function secret(name, password) {
	return [ 'apiVersion: v1', 'kind: Secret', 'metadata:', '  name: ' + name, '  namespace: ' + namespace,
		'type: kubernetes.io/basic-auth', 'stringData:', '  password: ' + quoted(password) ].join('\n');
}

/* What is missing before a manifest can be made, in sentences. */
function missing(want, section, inside) {
	const all = [];
	if (!want.routerASN)
		all.push(_('The router has no AS number yet: set it under “Router” in the settings.'));
	if (!want.clusterASN)
		all.push(section.asn == 'external' || section.asn == 'any'
			? _('This section takes any AS number: say below which one the cluster uses.')
			: _('This section has no AS number yet: set it in the settings.'));
	if (!want.allow.length)
		all.push(_('This section allows no prefix, so the cluster would have no addresses to give: add “Allowed prefixes” in the settings.'));
	if (!list(section.source).length && !inside)
		all.push(_('This section lets nobody connect: add “Addresses of the nodes”, or a neighbour of this cluster, in the settings.'));
	return all;
}

function sameNetwork(a, b, bits) {
	const whole = text => {
		const parts = String(text).split('.').map(Number);
		return parts.length == 4 && parts.every(p => p >= 0 && p < 256) ? parts.reduce((n, p) => n * 256 + p, 0) : NaN;
	};
	const size = Math.pow(2, 32 - bits);
	return Math.floor(whole(a) / size) === Math.floor(whole(b) / size);
}

return baseclass.extend({
	kubernetesName: kubernetesName,
	namespace: namespace,

	/* make returns { text, missing }: text is empty while something is missing.
	 *   globals, section  the options as UCI has them; section['.name'] is its name
	 *   choice            { asn, address }: what the person says; an empty address
	 *                     means that each node speaks to its default gateway
	 *   neighbors         how many neighbour sections name this cluster */
	make: function(globals, section, choice, neighbors) {
		const name = kubernetesName(section['.name']);
		const want = {
			routerASN: number(globals?.asn),
			clusterASN: number(section.asn) || number(choice?.asn),
			address: String(choice?.address ?? '').trim(),
			port: number(globals?.listen_port),
			multihop: number(section.multihop) > 0 && number(section.asn) != number(globals?.asn),
			ttlSecurity: number(section.ttl_security),
			bfd: section.bfd == '1',
			bfdInterval: number(section.bfd_interval),
			bfdMultiplier: number(section.bfd_multiplier),
			password: section.password,
			secret: 'hawser-router-' + name,
			allow: list(section.allow)
		};
		const lacks = missing(want, section, neighbors);
		if (lacks.length)
			return { text: '', missing: lacks };

		const parts = [ pool(name, want.allow), peer('router', want) ];
		if (want.password)
			parts.unshift(secret(want.secret, want.password));
		return { text: parts.join('\n---\n') + '\n', missing: [] };
	},

	/* routerAddress finds the address by which nodes in source reach this
	 * router: of an interface whose subnet holds a part of source, or is held. */
	routerAddress: function(interfaces, source) {
		for (const prefix of list(source)) {
			const [ net, bits ] = prefix.split('/');
			for (const i of interfaces ?? [])
				for (const a of i['ipv4-address'] ?? [])
					if (sameNetwork(net, a.address, Math.min(number(bits), a.mask)))
						return a.address;
		}
		return '';
	}
});
