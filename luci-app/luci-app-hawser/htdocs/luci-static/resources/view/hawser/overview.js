'use strict';
'require view';
'require poll';
'require dom';
'require view.hawser.daemon as daemon';
'require view.hawser.rows as rows';
'require view.hawser.table as table';
'require view.hawser.graph as graph';

/* The page that shows what the daemon does, live. Whatever goes wrong becomes
 * a sentence above what was shown last. */

const interval = 5, mostEvents = 20;

function told(lines) {
	return lines.map(l => E('p', { 'class': 'alert-message ' + ({ bad: 'error', warn: 'warning' }[l.tone] ?? 'notice') }, [ l.text ]));
}

function cardNode(card) {
	return E('div', { 'class': 'hawser-card hawser-card-' + card.tone }, [
		E('h4', {}, [ card.title ]),
		E('dl', {}, card.facts.flatMap(f => [ E('dt', {}, [ f.label ]), E('dd', {}, [ f.value ]) ])),
		...card.refused.map(r => E('p', {}, [ E('span', { 'class': 'hawser-bad' }, [ r.text ]), E('br'), E('small', {}, [ r.hint ]) ])),
		card.advice ? E('p', {}, [ card.advice ]) : ''
	]);
}

return view.extend({
	handleSaveApply: null,
	handleSave: null,
	handleReset: null,

	load: function() {
		this.known = [];
		this.offset = 0;
		return this.ask('');
	},

	/* ask is one look at the daemon: all there is, of routes one page, of events
	 * those that are new. It is never rejected. */
	ask: function(filter) {
		const after = this.known[this.known.length - 1]?.seq;

		return daemon.overview(filter || undefined, this.offset || undefined, after)
			.then(daemon.understood).catch(error => ({ error: daemon.words(error) }));
	},

	refresh: function() {
		return this.ask(this.filter.value.trim()).then(answer => this.take(answer));
	},

	render: function(first) {
		this.build();
		this.take(first);
		poll.add(() => this.refresh(), interval);
		return this.root;
	},

	build: function() {
		this.headline = E('p', { 'class': 'hawser-headline' });
		this.subline = E('p');
		this.live = E('p', { 'class': 'hawser-live', 'aria-live': 'polite' });
		this.notices = E('div');
		this.cards = E('div', { 'style': 'display: contents' });
		this.graphs = { peers: graph.create(_('Sessions up')), routes: graph.create(_('Routes')) };
		this.peers = table.create([ _('Name'), _('Address'), _('AS'), _('State'), _('Since'), _('Routes'), _('Last error') ],
			_('No peer is known yet. A node shows up here as soon as it connects.'));
		this.routes = table.create([ _('Prefix'), _('State'), _('Next hops and share'), _('Age'), _('Kind') ], '');
		this.events = table.create([ _('Ago'), _('Event'), _('What happened') ], _('Nothing has happened yet.'));
		this.filter = E('input', {
			'type': 'search', 'class': 'cbi-input-text', 'id': 'hawser-filter', 'placeholder': _('prefix, node or reason'),
			'input': () => this.turn(0)
		});
		this.shown = E('span', { 'aria-live': 'polite' });
		this.earlier = E('button', { 'type': 'button', 'class': 'btn cbi-button', 'click': () => this.turn(this.earliest) }, [ _('Back') ]);
		this.later = E('button', { 'type': 'button', 'class': 'btn cbi-button', 'click': () => this.turn(this.next) }, [ _('More') ]);
		this.body = E('div', {}, [
			E('div', { 'class': 'hawser-cards' }, [ this.cards, this.graphs.peers.node, this.graphs.routes.node ]),
			E('h3', {}, [ _('Peers') ]), this.peers.node,
			E('h3', {}, [ _('Routes') ]),
			E('div', { 'class': 'hawser-filter' }, [ E('label', { 'for': 'hawser-filter' }, [ _('Show only') ]), this.filter, this.shown, this.earlier, this.later ]),
			this.routes.node,
			E('h3', {}, [ _('Last events') ]), this.events.node
		]);
		this.root = E('div', { 'class': 'hawser' }, [
			E('link', { 'rel': 'stylesheet', 'href': L.resource('view/hawser/hawser.css') }),
			E('h2', {}, [ _('Kubernetes (BGP)') ]),
			this.headline, this.subline, this.live, this.notices, this.body
		]);
	},

	/* turn goes to another page of routes, at once. */
	turn: function(offset) {
		this.offset = offset;
		window.clearTimeout(this.timer);
		this.timer = window.setTimeout(() => this.refresh(), 200);
	},

	/* take shows one look; one that this page cannot show is an error, too. */
	take: function(answer) {
		let error = answer.error;

		if (!error)
			try {
				this.show(answer, answer.status ?? answer);
			}
			catch (e) {
				error = daemon.words(new Error(daemon.strange));
				console.error(e);
			}
		this.body.classList.toggle('hawser-stale', !!error);
		dom.content(this.live, error
			? [ E('span', { 'class': 'hawser-bad' }, [ error ]), ' ', this.last ? _('What is below is from %s.').format(this.last) : '' ]
			: [ _('Live, every %d seconds.').format(interval) ]);
		if (!error)
			this.last = new Date().toLocaleTimeString();
		else if (!this.last)
			this.body.style.display = 'none';
	},

	show: function(answer, status) {
		const head = rows.headline(answer.running ? Object.assign({ running: true }, status) : answer);

		if (answer.running && this.version && this.version != status.version)
			throw new Error('the daemon was changed from %s to %s'.format(this.version, status.version));
		this.version = answer.running ? status.version : this.version;

		dom.content(this.headline, [ head.title ]);
		this.headline.className = 'hawser-headline hawser-' + head.tone;
		dom.content(this.subline, [ head.text ]);
		dom.content(this.notices, answer.running ? told(rows.notices(status)) : answer.why == 'stopped' ? '' : this.whatNext());
		this.body.style.display = answer.running ? '' : 'none';
		if (!answer.running) {
			this.known = [];
			return;
		}
		this.cards.replaceChildren(...(status.clusters.length ? rows.cards(status).map(cardNode) : [ this.whatNext() ]));
		this.peers.update(rows.peers(status.neighbors, status.now));
		this.showRoutes(answer.routes, status);
		this.known = rows.remembered(this.known, answer.events);
		this.events.update(rows.events(this.known, status.now).slice(0, mostEvents));
		this.graphs.peers.update(answer.history.established);
		this.graphs.routes.update(answer.history.routes);
	},

	showRoutes: function(page, status) {
		this.routes.update(rows.routes(page.routes, status.now, status.nextHops), this.filter.value
			? _('No route holds these words.')
			: _('No route yet. A Service of type LoadBalancer in the cluster makes one.'));
		this.next = page.next;
		this.earliest = Math.max(0, page.offset - (page.next ? page.next - page.offset : 100));
		this.later.style.display = page.next ? '' : 'none';
		this.earlier.style.display = page.offset ? '' : 'none';
		dom.content(this.shown, [ page.total ? _('%d to %d of %d').format(page.offset + 1, page.offset + page.routes.length, page.total) : '' ]);
	},

	/* whatNext is what a first visit, or a stopped daemon, finds in the place of numbers. */
	whatNext: function() {
		return E('div', { 'class': 'cbi-section' }, [
			E('p', {}, [ _('To begin, give the router an AS number and describe your cluster in the settings; then “Connect a cluster” has the manifest for the Kubernetes side.') ]),
			E('a', { 'class': 'btn cbi-button cbi-button-action', 'href': L.url('admin/network/hawser/settings') }, [ _('Open the settings') ])
		]);
	}
});
