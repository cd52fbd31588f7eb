'use strict';
'require view';
'require form';
'require uci';
'require ui';
'require dom';
'require view.hawser.daemon as daemon';
'require view.hawser.pending as pending';

/* The forms. LuCI's datatypes catch what is no number or address at once; what
 * is right is said by the daemon itself, which is asked about the pending
 * values on every change and before they are saved. */

const asNumber = 'range(1,4294967295)', asOrWord = 'or(range(1,4294967295),"external","any")';

function add(section, tab, widget, name, title, help, more) {
	const o = tab ? section.taboption(tab, widget, name, title, help) : section.option(widget, name, title, help);
	o.rmempty = true;
	return Object.assign(o, more ?? {});
}

/* A switch; of a neighbour with a third place, since one that says nothing has
 * what its cluster has. */
function toggle(s, tab, name, title, help, on, inherits) {
	if (!inherits)
		return add(s, tab, form.Flag, name, title, help, { default: on });
	const o = add(s, tab, form.ListValue, name, title, help);
	o.value('', _('as the cluster'));
	o.value('1', _('on'));
	o.value('0', _('off'));
	return o;
}

function whenWatched(o, inherits) {
	o.depends('bfd', '1');
	if (inherits)
		o.depends('bfd', '');
}

/* What a cluster and a neighbour have in common. */
function session(s, inherits) {
	add(s, 'limits', form.Value, 'max_prefixes', _('Most prefixes of a peer'), _('One more closes the session for 60 seconds.'),
		{ datatype: 'range(1,1000000)', placeholder: '1000' });
	add(s, 'protection', form.Value, 'password', _('Password'),
		_('TCP MD5 (RFC 2385), up to 80 bytes; both ends need the same. The kernels of OpenWrt’s own images cannot do it; there are no sessions then, and the overview says so.'),
		{ password: true, datatype: 'maxlength(80)' });
	add(s, 'protection', form.Value, 'ttl_security', _('TTL security'),
		_('Packets of the peers count only when they came over at most that many hops (GTSM, RFC 5082); 1: from the network itself. 0: off.'),
		{ datatype: 'range(0,254)', placeholder: '0' });
	const multihop = add(s, 'protection', form.Value, 'multihop', _('Multihop'),
		_('How many hops our packets to the peers may go. 0: as many as there can be, 255. Excludes TTL security.'),
		{ datatype: 'range(0,255)', placeholder: '0' });
	multihop.depends('ttl_security', '');
	multihop.depends('ttl_security', '0');
	toggle(s, 'bfd', 'bfd', _('BFD'), _('Notice a dead peer within a second (RFC 5880), rather than when the hold time is over. The peer must do it, too.'), '0', inherits);
	whenWatched(add(s, 'bfd', form.Value, 'bfd_interval', _('Interval'), _('Milliseconds between two packets.'), { datatype: 'range(10,60000)', placeholder: '300' }), inherits);
	whenWatched(add(s, 'bfd', form.Value, 'bfd_multiplier', _('Multiplier'), _('How many packets may be missed.'), { datatype: 'range(2,255)', placeholder: '3' }), inherits);
	toggle(s, 'limits', 'guard', _('Guard unused addresses'), _('Addresses of the pool that no service has are unreachable, rather than sent to the internet.'), '1', inherits);
	add(s, 'limits', form.DynamicList, 'send', _('Tell the peers'), _('What the peers learn from this router, such as 0.0.0.0/0. None: nothing.'), { datatype: 'cidr' });
}

function tabs(s) {
	s.tab('general', _('General'));
	s.tab('limits', _('Limits'));
	s.tab('protection', _('Protection'));
	s.tab('bfd', _('BFD'));
}

function globals(map) {
	const s = map.section(form.NamedSection, 'globals', 'globals', _('Router'));
	s.tab('general', _('General'));
	s.tab('kernel', _('Kernel routes'));
	s.tab('advanced', _('Advanced'));
	add(s, 'general', form.Flag, 'enabled', _('Enabled'), _('Off: no sessions, no routes.'), { default: '1' });
	add(s, 'general', form.Value, 'asn', _('AS number'), _('The number of this router. Private ones, which are yours to choose from, are 64512–65534 and 4200000000–4294967294.'),
		{ datatype: asNumber, placeholder: '65000' });
	add(s, 'general', form.Value, 'router_id', _('Identifier'), _('Written like an IPv4 address. Empty: the address of the LAN.'), { datatype: 'ip4addr("nomask")' });
	add(s, 'general', form.DynamicList, 'listen_address', _('Listen on'), _('Addresses of this router that accept connections. None: all of them; the firewall decides who gets there.'),
		{ datatype: 'ipaddr("nomask")' });
	add(s, 'general', form.Value, 'listen_port', _('Port'), _('TCP port that accepts connections.'), { datatype: 'port', placeholder: '179' });
	add(s, 'kernel', form.Value, 'table', _('Routing table'), _('Number or name of the kernel’s table for the routes. Empty: the main one.'), { placeholder: '254' });
	add(s, 'kernel', form.Value, 'metric', _('Metric'), _('Metric of the routes. Give Hawser one of its own.'), { datatype: asNumber, placeholder: '20' });
	add(s, 'kernel', form.Value, 'protocol', _('Protocol number'), _('What carries it is Hawser’s; other routes are left alone.'), { datatype: 'range(5,255)', placeholder: '73' });
	add(s, 'kernel', form.Value, 'max_paths', _('Most next hops'), _('How many nodes may share a route.'), { datatype: 'range(1,255)', placeholder: '16' });
	add(s, 'kernel', form.Flag, 'resilient', _('Keep flows in place'), _('When a node comes or goes, the connections through the others stay where they are.'), { default: '1' });
	add(s, 'advanced', form.Value, 'hold_time', _('Hold time'), _('Seconds that a silent peer is believed alive; the lower one of both ends counts. 0: for ever.'),
		{ datatype: 'or("0",range(3,65535))', placeholder: '90' });
	add(s, 'advanced', form.Value, 'restart_time', _('Restart time'), _('Seconds that routes outlive a restart of either end (RFC 4724).'), { datatype: 'range(0,4095)', placeholder: '120' });
	add(s, 'advanced', form.Value, 'metrics_listen', _('Metrics'), _('Address and port for Prometheus, such as 192.168.1.1:9342. Empty: none.'), { datatype: 'ipaddrport(1)' });
	add(s, 'advanced', form.Value, 'memory_limit', _('Memory limit'), _('Such as 32MiB: near it memory is given back sooner, at the cost of time. Empty: none.'), { placeholder: '32MiB' });
	add(s, 'advanced', form.Value, 'gc_percent', _('Garbage collection'), _('Per cent that memory may grow between two collections; less needs less memory and more time.'), { datatype: 'or("off",range(1,1000))', placeholder: '100' });
	const level = add(s, 'advanced', form.ListValue, 'log_level', _('Log'), _('How much the system log hears.'));
	level.value('', _('as usual'));
	[ 'error', 'warn', 'info', 'debug' ].forEach(l => level.value(l));
}

function clusters(map) {
	const s = map.section(form.TypedSection, 'cluster', _('Clusters'),
		_('One section a Kubernetes cluster: who may connect, and what they may announce.'));
	s.addremove = true;
	s.addbtntitle = _('Add cluster');
	tabs(s);
	add(s, 'general', form.Flag, 'enabled', _('Enabled'), _('Off: nobody of this cluster may connect.'), { default: '1' });
	add(s, 'general', form.Value, 'description', _('Description'), _('Shown with the cluster.'), { placeholder: _('k3s at home') });
	add(s, 'general', form.Value, 'asn', _('AS number'), _('The number of the cluster: a private one other than the router’s. “external”: any but ours. “any”: any.'),
		{ datatype: asOrWord, placeholder: '65001' });
	add(s, 'general', form.DynamicList, 'source', _('Addresses of the nodes'), _('Prefixes that the nodes are in, such as 192.168.1.0/24. Who connects from there is let in; a new node needs no change here.'),
		{ datatype: 'cidr' });
	add(s, 'general', form.DynamicList, 'allow', _('Allowed prefixes'), _('What the nodes may announce: the pool of the services, such as 192.168.10.0/24. Nothing else is accepted.'),
		{ datatype: 'cidr' });
	add(s, 'limits', form.Value, 'max_peers', _('Most peers'), _('How many nodes are let in at a time.'), { datatype: 'range(1,4096)', placeholder: '64' });
	session(s);
}

function neighbors(map) {
	const s = map.section(form.TypedSection, 'neighbor', _('Neighbours'),
		_('Single nodes by hand. Not needed for nodes that a cluster lets in. What is left empty is the cluster’s.'));
	s.addremove = true;
	s.addbtntitle = _('Add neighbour');
	tabs(s);
	add(s, 'general', form.Flag, 'enabled', _('Enabled'), _('Off: as if the section were not there.'), { default: '1' });
	add(s, 'general', form.Value, 'description', _('Description'), _('Shown with the peer.'));
	add(s, 'general', form.Value, 'address', _('Address'), _('The node’s address.'), { datatype: 'ipaddr("nomask")' });
	const cluster = add(s, 'general', form.ListValue, 'cluster', _('Cluster'), _('Whose settings it has.'));
	cluster.value('', _('none'));
	uci.sections('hawser', 'cluster', c => cluster.value(c['.name']));
	add(s, 'general', form.Value, 'asn', _('AS number'), _('Empty: the cluster’s.'), { datatype: asOrWord });
	add(s, 'general', form.Flag, 'passive', _('Wait for its connection'), _('Off: this router dials as well.'), { default: '1' });
	add(s, 'general', form.DynamicList, 'allow', _('Allowed prefixes'), _('Replaces the cluster’s list.'), { datatype: 'cidr' });
	session(s, true);
}

/* What every field says now, by section and option. */
function fields(map) {
	const all = {};
	for (const section of map.children)
		for (const id of section.cfgsections()) {
			all[id] = {};
			for (const o of section.children) {
				const value = o.isActive(id) ? o.formvalue(id) : null;
				all[id][o.option] = o instanceof form.Flag && value == o.default && o.cfgvalue(id) == null ? null : value;
			}
		}
	return all;
}

return view.extend({
	load: function() {
		return uci.load('hawser').then(() => null).catch(error => daemon.settingsWords(error));
	},

	render: function(error) {
		const head = E('link', { 'rel': 'stylesheet', 'href': L.resource('view/hawser/hawser.css') });

		if (error)
			return E('div', { 'class': 'hawser' }, [ head, E('p', { 'class': 'alert-message warning' }, [ error ]) ]);

		const map = this.map = new form.Map('hawser', _('Kubernetes (BGP)'),
			_('Changes count once they are saved and applied. Sessions that a change does not concern stay up.'));
		if (uci.get('hawser', 'globals') == null)
			uci.add('hawser', 'globals', 'globals');
		globals(map);
		clusters(map);
		neighbors(map);

		this.summary = E('div', { 'aria-live': 'polite' });
		return map.render().then(node => {
			[ 'input', 'change', 'click', 'widget-change', 'cbi-dynlist-change' ].forEach(e => node.addEventListener(e, () => this.soon()));
			this.soon();
			return E('div', { 'class': 'hawser' }, [ head, node, this.summary ]);
		});
	},

	/* soon asks the daemon once the typing pauses. */
	soon: function() {
		window.clearTimeout(this.timer);
		this.timer = window.setTimeout(() => this.ask(), 400);
	},

	/* ask shows what the daemon says of the pending values at the fields that
	 * it speaks of, and returns the mistakes. */
	ask: function() {
		const sections = pending.sections(uci.sections('hawser'), fields(this.map)), text = pending.text(sections);

		if (text === this.asked?.text)
			return this.asked.answer;
		const answer = daemon.check(text).then(verdict => {
			if (!Array.isArray(verdict?.problems))
				throw new Error(verdict?.error || daemon.strange);
			const all = pending.placed(verdict.problems, sections);
			if (this.asked?.text === text)
				this.tell(all);
			return all.filter(p => !p.warning);
		}).catch(error => {
			this.asked = null;
			dom.content(this.summary, [ E('p', { 'class': 'alert-message warning' }, [ _('The values could not be checked.'), ' ', daemon.words(error) ]) ]);
			return [];
		});
		this.asked = { text: text, answer: answer };
		return answer;
	},

	tell: function(problems) {
		this.map.root.querySelectorAll('.hawser-words').forEach(p => p.remove());
		this.map.root.querySelectorAll('[aria-invalid]').forEach(i => i.removeAttribute('aria-invalid'));

		const rest = problems.filter(p => !this.tellAt(p));
		dom.content(this.summary, rest.map(p => E('p', { 'class': 'alert-message ' + (p.warning ? 'notice' : 'error') }, [ p.message ])));
	},

	/* tellAt puts words under their field; false if there is no such field. */
	tellAt: function(problem) {
		const at = problem.id && problem.option && this.map.findElement('data-field', 'cbid.hawser.%s.%s'.format(problem.id, problem.option));
		const box = at && !at.classList.contains('hidden') && at.querySelector('.cbi-value-field');

		if (!box)
			return false;
		box.appendChild(E('p', { 'class': 'hawser-words ' + (problem.warning ? 'hawser-warn' : 'hawser-bad') }, [ problem.message ]));
		if (!problem.warning)
			box.querySelectorAll('input, select').forEach(i => i.setAttribute('aria-invalid', 'true'));
		return true;
	},

	handleSave: function() {
		return this.ask().then(wrong => {
			if (!wrong.length)
				return this.map.save(null, false);
			const first = this.map.root.querySelector('.hawser-words.hawser-bad') ?? this.summary;
			first.scrollIntoView({ block: 'center' });
			ui.addNotification(_('Not saved'), [ E('p', {}, [ wrong.map(p => p.message).join(' ') ]) ], 'warning');
			throw new Error(_('Not saved: the values have mistakes.'));
		}).then(() => this.soon());
	},

	handleReset: function() { return this.map.reset().then(() => this.soon()) }
});
