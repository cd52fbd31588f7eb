'use strict';
'require baseclass';
'require view.hawser.rows as rows';

/* A line of numbers over the last hour, as SVG. */

const width = 300, height = 48;

function svg(name, attributes, children) {
	const node = document.createElementNS('http://www.w3.org/2000/svg', name);
	for (const key in attributes)
		node.setAttribute(key, attributes[key]);
	for (const child of children ?? [])
		node.appendChild(child);
	return node;
}

const Graph = baseclass.extend({
	__init__: function(title) {
		this.title = title;
		this.area = svg('polygon', { 'class': 'hawser-area' });
		this.line = svg('polyline', { 'class': 'hawser-line' });
		this.svg = svg('svg', { 'viewBox': '0 0 %d %d'.format(width, height), 'preserveAspectRatio': 'none', 'role': 'img' }, [ this.area, this.line ]);
		this.now = E('strong', {}, [ '–' ]);
		this.range = E('small', {}, [ '' ]);
		this.node = E('figure', { 'class': 'hawser-graph' }, [
			E('figcaption', {}, [ title, ' ', this.now, ' ', this.range ]), this.svg
		]);
	},

	update: function(values) {
		if (!values.length)
			return;
		const points = rows.points(values, width, height), last = values[values.length - 1];
		this.line.setAttribute('points', points);
		this.area.setAttribute('points', '0,%d %s %s,%d'.format(height, points, width, height));
		this.now.textContent = String(last);
		this.range.textContent = _('last hour: %d to %d').format(Math.min(...values), Math.max(...values));
		this.svg.setAttribute('aria-label', '%s: %d. %s'.format(this.title, last, this.range.textContent));
	}
});

return baseclass.extend({
	create: function(title) { return new Graph(title) }
});
