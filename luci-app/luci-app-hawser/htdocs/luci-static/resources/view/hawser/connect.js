'use strict';
'require view';
'require uci';
'require poll';
'require dom';
'require ui';
'require view.hawser.daemon as daemon';
'require view.hawser.manifest as manifest';

/* From a cluster section the manifest for the Kubernetes side, and beside it
 * whether the cluster's sessions have come up. */

function field(id, title, input, help) {
	return E('div', { 'class': 'cbi-value' }, [
		E('label', { 'class': 'cbi-value-title', 'for': id }, [ title ]),
		E('div', { 'class': 'cbi-value-field' }, [ input, help ? E('div', { 'class': 'cbi-value-description' }, [ help ]) : '' ])
	]);
}

return view.extend({
	handleSaveApply: null,
	handleSave: null,
	handleReset: null,

	load: function() {
		return Promise.all([
			uci.load('hawser').then(() => null).catch(error => daemon.settingsWords(error)),
			L.resolveDefault(daemon.interfaces(), [])
		]);
	},

	render: function([ error, interfaces ]) {
		const clusters = error ? [] : uci.sections('hawser', 'cluster');

		this.interfaces = interfaces;
		return E('div', { 'class': 'hawser' }, [
			E('link', { 'rel': 'stylesheet', 'href': L.resource('view/hawser/hawser.css') }),
			E('h2', {}, [ _('Connect a cluster') ]),
			...(error ? [ E('p', { 'class': 'alert-message warning' }, [ error ]) ]
				: clusters.length ? this.page(clusters) : [ this.empty() ])
		]);
	},

	empty: function() {
		return E('div', {}, [
			E('p', {}, [ _('No cluster is described yet. Add one in the settings: its AS number, where its nodes are and which prefixes they may announce.') ]),
			E('a', { 'class': 'btn cbi-button cbi-button-action', 'href': L.url('admin/network/hawser/settings') }, [ _('Open the settings') ])
		]);
	},

	page: function(clusters) {
		const again = () => this.show();

		this.cluster = E('select', { 'class': 'cbi-input-select', 'id': 'hawser-cluster', 'change': () => this.choose() },
			clusters.map(c => E('option', { 'value': c['.name'] }, [ c.description ? '%s (%s)'.format(c['.name'], c.description) : c['.name'] ])));
		this.asn = E('input', { 'type': 'text', 'inputmode': 'numeric', 'class': 'cbi-input-text', 'id': 'hawser-asn', 'placeholder': '65001', 'input': again });
		this.asnField = field('hawser-asn', _('AS number of the cluster'), this.asn, '');
		this.address = E('input', { 'type': 'text', 'class': 'cbi-input-text', 'id': 'hawser-address', 'placeholder': _('default gateway of each node'), 'input': again });
		this.reveal = E('input', { 'type': 'checkbox', 'id': 'hawser-reveal', 'change': again });
		this.revealField = field('hawser-reveal', _('Show the password'), this.reveal, _('It is copied along in any case.'));
		this.missing = E('div', { 'aria-live': 'polite' });
		this.text = E('textarea', { 'class': 'hawser-manifest', 'readonly': true, 'wrap': 'off', 'aria-label': _('Manifest') });
		this.copied = E('span', { 'aria-live': 'polite' });
		this.result = E('div', {}, [
			E('p', {}, [ _('Apply this where kubectl speaks to the cluster, with kubectl apply -f - and Hawser’s speakers installed there:') ]),
			this.text,
			E('p', {}, [ E('button', { 'class': 'btn cbi-button cbi-button-action', 'click': () => this.copy() }, [ _('Copy') ]), ' ', this.copied ]),
			E('h3', {}, [ _('And then?') ]),
			this.sessions = E('p', { 'aria-live': 'polite' }, [ _('Looking …') ])
		]);
		this.choose();
		poll.add(() => daemon.status().then(daemon.understood).then(s => this.tell(s)).catch(e => dom.content(this.sessions, [ daemon.words(e) ])), 5);
		return [ E('div', { 'class': 'cbi-section' }, [
			field('hawser-cluster', _('Cluster'), this.cluster, ''), this.asnField,
			field('hawser-address', _('Address of this router'), this.address,
				_('As the nodes reach it. Empty: each node speaks to its default gateway.')), this.revealField
		]), this.missing, this.result ];
	},

	choose: function() {
		const section = uci.get('hawser', this.cluster.value);

		this.address.value = manifest.routerAddress(this.interfaces, section.source);
		this.asnField.style.display = /^[0-9]+$/.test(section.asn ?? '') ? 'none' : '';
		this.revealField.style.display = section.password ? '' : 'none';
		this.show();
	},

	show: function() {
		const section = uci.get('hawser', this.cluster.value);
		const neighbors = uci.sections('hawser', 'neighbor').filter(n => n.cluster == this.cluster.value).length;
		const make = s => manifest.make(uci.sections('hawser', 'globals')[0], s, { asn: this.asn.value, address: this.address.value }, neighbors);
		const shown = make(section.password && !this.reveal.checked ? Object.assign({}, section, { password: '••••••••' }) : section);

		this.manifest = make(section).text;
		this.text.value = shown.text;
		this.text.rows = shown.text.split('\n').length;
		this.result.style.display = shown.text ? '' : 'none';
		dom.content(this.copied, '');
		dom.content(this.missing, shown.missing.map(m => E('p', { 'class': 'alert-message warning' }, [ m ])));
	},

	tell: function(status) {
		const c = status.running ? status.clusters.find(one => one.name == this.cluster.value) : null;

		dom.content(this.sessions, [ !status.running
			? _('hawser is not running: %s').format(status.reason ?? '')
			: !c ? _('The daemon does not know this cluster yet: apply the changes in the settings.')
			: !c.peers ? _('No node has connected yet. This line changes as soon as one does.')
			: _('%d of %d sessions are up, %d routes are accepted.').format(c.established, c.peers, c.accepted) ]);
	},

	/* Browsers give navigator.clipboard to pages that came by HTTPS only. */
	copy: function() {
		const done = () => dom.content(this.copied, [ _('Copied.') ]);
		const byHand = () => {
			const old = this.text.value;
			this.text.value = this.manifest;
			this.text.select();
			const ok = document.execCommand('copy');
			this.text.value = old;
			if (ok)
				return done();
			this.reveal.checked = true;
			this.show();
			this.text.select();
			dom.content(this.copied, [ _('This browser does not let the page copy: the text is selected, press Ctrl+C.') ]);
		};

		if (navigator.clipboard && window.isSecureContext)
			return navigator.clipboard.writeText(this.manifest).then(done).catch(byHand);
		byHand();
	}
});
