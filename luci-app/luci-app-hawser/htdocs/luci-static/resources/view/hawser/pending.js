'use strict';
'require baseclass';

/* The configuration as the forms have it now, as text that the daemon can
 * check, and the way back from what the daemon says to fields of the forms. */

/* As uci writes it: single quotes, one of which is '\'' inside them. */
function quoted(value) {
	return "'" + String(value).replace(/'/g, "'\\''") + "'";
}

function lines(options) {
	const all = [];
	for (const name of Object.keys(options)) {
		const value = options[name];
		if (Array.isArray(value))
			for (const v of value)
				all.push('\tlist ' + name + ' ' + quoted(v));
		else if (value != null && value !== '')
			all.push('\toption ' + name + ' ' + quoted(value));
	}
	return all;
}

function sectionText(s) {
	return [ 'config ' + s.type + (s.anonymous ? '' : ' ' + quoted(s.id)) ].concat(lines(s.options)).join('\n');
}

return baseclass.extend({
	/* sections takes what uci has and what the forms say instead: fields is
	 * { section id: { option: value } }, null for one that is not set. */
	sections: function(stored, fields) {
		return stored.map(s => {
			const options = {};
			for (const name of Object.keys(s))
				if (name[0] != '.')
					options[name] = s[name];
			return { id: s['.name'], type: s['.type'], anonymous: !!s['.anonymous'], options: Object.assign(options, fields[s['.name']]) };
		});
	},

	/* text is these sections in uci's grammar. */
	text: function(sections) { return sections.map(sectionText).join('\n\n') + '\n' },

	/* placed finds the section of each problem: { id, option, message, warning };
	 * id is null for what belongs to no section that is there. The daemon knows
	 * sections without a name as @type[n]. */
	placed: function(problems, sections) {
		const ids = {}, numbers = {};
		for (const s of sections) {
			const n = numbers[s.type] = (numbers[s.type] ?? -1) + 1;
			ids['@%s[%d]'.format(s.type, n)] = s.id;
			if (!s.anonymous)
				ids[s.id] = s.id;
		}
		return problems.map(p => ({
			id: ids[p.section] ?? null, option: p.option || '', warning: !!p.warning,
			message: p.value && p.option ? _('“%s”: %s').format(p.value, p.message) : p.message
		}));
	}
});
