'use strict';
'require baseclass';
'require view.hawser.daemon as daemon';
'require view.hawser.rows as rows';

/* The box on the overview of the whole router: one line a cluster. */

return baseclass.extend({
	title: _('Kubernetes (BGP)'),

	load: function() {
		return daemon.status().then(daemon.understood).catch(error => ({ error: daemon.words(error) }));
	},

	render: function(status) {
		const line = (title, text) => E('tr', { 'class': 'tr' }, [
			E('td', { 'class': 'td left', 'width': '33%' }, [ title ]), E('td', { 'class': 'td left' }, [ text ])
		]);
		const head = status.error ? { title: status.error, text: '' } : rows.headline(status);
		const lines = status.running ? rows.boxes(status) : [];

		return E('table', { 'class': 'table' }, lines.length
			? lines.map(l => line(E('a', { 'href': L.url('admin/network/hawser/overview') }, [ l.title ]), l.text))
			: [ line(head.title, head.text) ]);
	}
});
