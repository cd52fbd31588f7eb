'use strict';
'require baseclass';

/* What the overview shows, as values: answers of the daemon go in, titles,
 * sentences and table rows come out. Nothing here touches the page or the
 * router. A row is { key, cells }, a cell { text, sort, lines, tone, hint }. */

/* Why a path is refused, in the words of the pages; the daemon's own sentence
 * with the facts stands beside it. */
function reasonWords(reason) {
	switch (reason) {
	case 'defaultRoute':       return _('a default route is never accepted');
	case 'notAllowed':         return _('outside of what is allowed');
	case 'tooShort':           return _('covers more than is allowed');
	case 'martian':            return _('no address that a service can have');
	case 'nextHopForeign':     return _('next hop is not a node of the cluster');
	case 'nextHopUnreachable': return _('next hop cannot be reached');
	case 'asLoop':             return _('our own AS number is in the path');
	case 'maxPrefixes':        return _('more than max_prefixes');
	}
	return reason;
}

function reasonAdvice(reason) {
	switch (reason) {
	case 'notAllowed':         return _('If it should be accepted, add its prefix under “Allowed prefixes” in the settings.');
	case 'tooShort':           return _('Announce the pool or single addresses, or allow the wider prefix.');
	case 'martian':            return _('Give services addresses that are in nobody’s subnet.');
	case 'nextHopForeign':     return _('Add the address of the node to “Addresses of the nodes” in the settings.');
	case 'nextHopUnreachable': return _('Look at the interfaces of the router and at the route to the node.');
	case 'asLoop':             return _('Give the router and the cluster different AS numbers.');
	case 'maxPrefixes':        return _('Raise the limit in the settings, or find out why the cluster announces so many.');
	case 'defaultRoute':       return _('Stop the node from announcing it.');
	}
	return '';
}

function seconds(from, to) {
	const t = (Date.parse(to) - Date.parse(from)) / 1000;
	return isFinite(t) && t > 0 ? Math.floor(t) : 0;
}

/* known is false for what was never set: absent, or Go's zero time. */
function known(time) {
	return typeof(time) == 'string' && Date.parse(time) > 0;
}

function duration(total) {
	const d = Math.floor(total / 86400), h = Math.floor(total / 3600) % 24,
	      m = Math.floor(total / 60) % 60, s = total % 60;

	if (d > 0) return _('%d d %d h').format(d, h);
	if (h > 0) return _('%d h %d min').format(h, m);
	if (m > 0) return _('%d min %d s').format(m, s);
	return _('%d s').format(s);
}

function age(time, now) {
	if (!known(time))
		return { text: '–', sort: -1 };
	const s = seconds(time, now);
	return { text: duration(s), sort: s, tone: 'age' };
}

function counts(byReason) {
	return Object.entries(byReason ?? {}).filter(e => e[1] > 0).sort((a, b) => b[1] - a[1]);
}

function sum(byReason) {
	return counts(byReason).reduce((n, e) => n + e[1], 0);
}

function join(list, none) {
	return list?.length ? list.join(', ') : none;
}

function stateWords(state) {
	switch (state) {
	case 'Established': return _('up');
	case 'Idle':        return _('waiting');
	case 'Connect':     return _('connecting');
	case 'Active':      return _('waits for its connection');
	case 'OpenSent':
	case 'OpenConfirm': return _('is being agreed');
	}
	return state;
}

/* An address sorts by its bytes. */
function sortAddress(text) {
	const [ host, bits ] = String(text).split('/');
	if (host.indexOf(':') < 0)
		return '4' + host.split('.').map(n => n.padStart(3, '0')).join('.') + '/' + (bits ?? '').padStart(3, '0');
	const [ head, tail ] = host.split('::');
	const a = head ? head.split(':') : [], b = tail ? tail.split(':') : [];
	while (a.length + b.length < 8 && tail !== undefined)
		a.push('0');
	return '6' + a.concat(b).map(n => n.padStart(4, '0')).join(':') + '/' + (bits ?? '').padStart(3, '0');
}

/* Shares of the flows: whole per cent of the weights that are in use. */
function shares(hops) {
	const total = hops.reduce((n, h) => n + (h.dead || h.leaving ? 0 : (h.weight || 1)), 0);
	return hops.map(h => h.dead || h.leaving || !total ? 0 : Math.round(100 * (h.weight || 1) / total));
}

function refusedLines(paths) {
	return paths.filter(p => p.reason).map(p => ({
		tone: 'bad',
		text: _('from %s refused: %s').format(p.peer, p.detail || reasonWords(p.reason)),
		hint: reasonAdvice(p.reason)
	}));
}

function hopLines(hops) {
	const share = shares(hops);
	return hops.map((h, i) => h.dead
		? { tone: 'bad', text: _('%s on %s, not used').format(h.address, h.interface) }
		: h.leaving
		? { text: _('%s on %s, leaving').format(h.address, h.interface), hint: _('it keeps the connections that it has and gets no new ones') }
		: { text: _('%s on %s, %d %%').format(h.address, h.interface, share[i]) });
}

function routeState(route) {
	if (route.error)
		return { text: _('not in the kernel'), tone: 'bad', hint: route.error };
	if (route.installed.length)
		return { text: _('in use'), tone: 'good' };
	if (route.paths.some(p => !p.reason))
		return { text: _('not in the kernel yet'), tone: 'idle' };
	return { text: _('refused'), tone: 'bad' };
}

function routeRow(route, now, kind) {
	const best = route.paths.find(p => p.best);
	const lines = hopLines(route.installed).concat(refusedLines(route.paths));
	if (route.error)
		lines.push({ tone: 'bad', text: route.error });

	return { key: route.prefix, cells: [
		{ text: route.prefix, sort: sortAddress(route.prefix) },
		routeState(route),
		{ lines: lines, sort: route.installed.length },
		age(known(route.installedAt) ? route.installedAt : best?.since, now),
		{ text: route.installed.length > 1 ? kind : route.installed.length ? _('single') : '–', sort: route.installed.length }
	] };
}

/* What a section without sessions should be told. */
function clusterAdvice(c) {
	if (c.obstacle || c.hint)
		return c.obstacle || c.hint;
	if (!c.allow.length)
		return _('Nothing is accepted: add “Allowed prefixes” in the settings.');
	if (!c.peers && !c.source.length)
		return _('Nobody may connect: add “Addresses of the nodes”, or a neighbour of this cluster, in the settings.');
	if (!c.peers)
		return _('No node has connected yet. “Connect a cluster” has the manifest for the Kubernetes side.');
	if (!c.established)
		return _('No session is up. The last error of each peer is in the table below.');
	if (!c.accepted && sum(c.refused))
		return _('Everything that was announced is refused; the reasons are above and in the table of routes.');
	if (!c.accepted)
		return _('The sessions are up and nothing is announced yet: make a Service of type LoadBalancer.');
	return '';
}

function tone(c) {
	if (c.established && c.established == c.peers && !sum(c.refused))
		return 'good';
	return c.established ? 'warn' : 'bad';
}

function bfdWords(state) {
	switch (state) {
	case 'Up':   return _('up');
	case 'Down': return _('down');
	case 'Init': return _('starting');
	}
	return _('switched off');
}

function bfdFact(peers) {
	const watched = peers.filter(n => n.bfd), up = watched.filter(n => n.bfd.state == 'Up');
	return watched.length ? [ { label: 'BFD', value: _('%d of %d up').format(up.length, watched.length) } ] : [];
}

function card(c, neighbors) {
	return {
		name: c.name,
		title: c.description || c.name,
		tone: tone(c),
		facts: [
			{ label: _('Sessions'), value: _('%d of %d up').format(c.established, c.peers) },
			{ label: _('Routes'), value: String(c.accepted) },
			...bfdFact(neighbors.filter(n => n.cluster == c.name)),
			{ label: _('AS number'), value: c.asn },
			{ label: _('Nodes in'), value: join(c.source, _('only named neighbours')) },
			{ label: _('Allowed'), value: join(c.allow, _('nothing')) }
		],
		refused: counts(c.refused).map(([ reason, n ]) => ({
			reason: reason, text: _('%d refused: %s').format(n, reasonWords(reason)), hint: reasonAdvice(reason)
		})),
		advice: clusterAdvice(c)
	};
}

function peerRow(n, now) {
	const up = n.state == 'Established', error = n.lastError ?? '';
	const words = error && known(n.lastErrorAt) ? _('%s (%s ago)').format(error, duration(seconds(n.lastErrorAt, now))) : error;
	const refused = sum(n.prefixesRefused), trouble = n.obstacle || n.hint || words;
	const state = n.bfd ? _('%s, BFD %s').format(stateWords(n.state), bfdWords(n.bfd.state)) : stateWords(n.state);

	return { key: n.address, cells: [
		{ text: n.description || n.name, sort: n.description || n.name,
		  hint: n.dynamic ? _('let in by cluster %s').format(n.cluster) : _('section %s').format(n.name) },
		{ text: n.address, sort: sortAddress(n.address) },
		{ text: n.asn ? String(n.asn) : '–', sort: n.asn },
		{ text: state, sort: n.state, tone: up ? 'good' : 'bad', hint: n.bfd?.error || n.state },
		age(n.since, now),
		{ text: refused ? _('%d, %d refused').format(n.prefixesAccepted, refused) : String(n.prefixesAccepted),
		  sort: n.prefixesAccepted, tone: refused ? 'warn' : '',
		  hint: counts(n.prefixesRefused).map(([ r, k ]) => k + ' ' + reasonWords(r)).join(', ') },
		{ text: trouble || '–', sort: trouble, tone: trouble && !up ? 'bad' : '' }
	] };
}

function stoppedWords(why) {
	switch (why) {
	case 'disabled': return _('hawser is not running: it is switched off');
	case 'mistakes': return _('hawser is not running: its configuration is not complete');
	}
	return _('hawser is not running');
}

/* Where several next hops stand in the kernel, by the first words of what the
 * daemon says of it. */
function kindWords(nextHops) {
	const text = String(nextHops ?? '');
	if (text.startsWith('resilient')) return _('resilient group');
	if (text.startsWith('nexthop'))   return _('group');
	if (text.startsWith('multipath')) return _('multipath');
	return text;
}

function eventWords(kind) {
	switch (kind) {
	case 'started':         return _('daemon started');
	case 'startComplete':   return _('start complete');
	case 'configLoaded':    return _('configuration taken');
	case 'configRefused':   return _('configuration refused');
	case 'sessionUp':       return _('session up');
	case 'sessionDown':     return _('session down');
	case 'sessionCleared':  return _('session cleared');
	case 'notListening':    return _('not listening');
	case 'listening':       return _('listening again');
	case 'connectionRefused': return _('connection refused');
	case 'routesRefused':   return _('routes refused');
	case 'tooManyPrefixes': return _('too many prefixes');
	case 'staleRoutesGone': return _('old routes gone');
	case 'bfdUp':           return _('BFD up');
	case 'bfdDown':         return _('BFD down');
	case 'nextHopLost':     return _('next hop lost');
	case 'nextHopBack':     return _('next hop back');
	case 'kernelError':     return _('kernel error');
	case 'routerIdChosen':  return _('identifier chosen');
	case 'routesMoved':     return _('routes moved');
	case 'routeAdded':      return _('route added');
	case 'routeChanged':    return _('route changed');
	case 'routeRemoved':    return _('route removed');
	}
	return kind;
}

function eventTone(kind) {
	switch (kind) {
	case 'sessionUp': case 'nextHopBack': case 'bfdUp': case 'listening': return 'good';
	case 'configRefused': case 'sessionDown': case 'routesRefused': case 'tooManyPrefixes': case 'nextHopLost': case 'bfdDown': case 'kernelError': case 'notListening': return 'bad';
	}
	return '';
}

return baseclass.extend({
	age: age,
	duration: duration,
	shares: shares,
	reasonWords: reasonWords,
	eventWords: eventWords,
	sortAddress: sortAddress,

	/* headline says whether it runs, and if not why not and what to do. */
	headline: function(status) {
		if (!status.running)
			return { tone: 'bad', title: stoppedWords(status.why), text: status.reason || '' };

		const up = status.neighbors.filter(n => n.state == 'Established').length;
		return {
			tone: 'good',
			title: _('hawser is running'),
			text: _('AS %d, identifier %s, since %s. %d of %d sessions up.')
				.format(status.asn, status.routerId, duration(seconds(status.started, status.now)), up, status.neighbors.length)
		};
	},

	/* notices are sentences about what is wrong with the daemon as a whole. */
	notices: function(status) {
		const all = [];
		if (status.config.rejected)
			all.push({ tone: 'bad', text: _('The configuration has mistakes; the one from before runs on.') });
		for (const problem of status.config.problems)
			all.push({ tone: status.config.rejected ? 'bad' : 'warn', text: problem });
		for (const l of status.listening)
			if (l.error)
				all.push({ tone: 'bad', text: _('Cannot listen on %s: %s').format(l.address, l.error) });
		if (status.kernel.waiting)
			all.push({ text: status.kernel.waiting });
		if (status.kernel.lastError && seconds(status.kernel.lastErrorAt, status.now) < 300)
			all.push({ tone: 'bad', text: _('Kernel: %s').format(status.kernel.lastError) });
		return all;
	},

	cards: function(status) { return status.clusters.map(c => card(c, status.neighbors)) },

	peers: function(neighbors, now) { return neighbors.map(n => peerRow(n, now)) },

	/* routes makes a row of each; kind is how several next hops stand in the kernel. */
	routes: function(routes, now, kind) {
		return routes.map(r => routeRow(r, now, kindWords(kind)));
	},

	/* events come newest first. */
	events: function(events, now) {
		return events.slice().sort((a, b) => b.seq - a.seq).map(e => ({ key: e.seq, cells: [
			age(e.time, now), { text: eventWords(e.kind), tone: eventTone(e.kind), sort: e.kind }, { text: e.text }
		] }));
	},

	/* remembered joins the events that are known with those that are new; a
	 * daemon that began anew has none of the old ones. */
	remembered: function(earlier, answer) {
		const first = answer.events[0]?.seq ?? answer.last + 1;
		const old = earlier.filter(e => e.seq < first && e.seq <= answer.last);
		return old.concat(answer.events).slice(-200);
	},

	/* boxes is one line a cluster, for the overview of the whole router. */
	boxes: function(status) {
		return status.clusters.map(c => ({
			title: c.description || c.name,
			text: _('%d of %d sessions up, %d routes').format(c.established, c.peers, c.accepted) +
				(sum(c.refused) ? ', ' + _('%d refused').format(sum(c.refused)) : '')
		}));
	},

	/* sorted orders rows by a column; equal ones keep the order they have. */
	sorted: function(rows, column, down) {
		const value = row => row.cells[column].sort ?? row.cells[column].text ?? '';
		return rows.map((row, i) => [ value(row), i, row ]).sort((a, b) => {
			const d = typeof(a[0]) == 'number' && typeof(b[0]) == 'number' ? a[0] - b[0] : String(a[0]).localeCompare(String(b[0]));
			return (down ? -d : d) || a[1] - b[1];
		}).map(e => e[2]);
	},

	/* points turns numbers into an SVG polyline's text: the oldest at the left,
	 * 0 at the bottom, the greatest just below the top. */
	points: function(values, width, height) {
		const top = Math.max(1, ...values), step = values.length > 1 ? width / (values.length - 1) : 0;
		return values.map((v, i) => '%s,%s'.format(
			+(i * step).toFixed(1), +(height - 1 - (height - 2) * v / top).toFixed(1))).join(' ');
	}
});
