'use strict';
'require baseclass';
'require rpc';

/* What the pages ask of the router. Every call that fails is rejected; words()
 * makes a sentence of it that says what to do. */

const shown = [ 'clusters', 'neighbors', 'listening' ];

const strange = 'the answer is not one that this page understands';

function denied(error) {
	return /-32002|ubus code 6\b|permission denied|access denied/i.test(String(error?.message ?? error ?? ''));
}

return baseclass.extend({
	status: rpc.declare({ object: 'hawser', method: 'status', reject: true }),
	overview: rpc.declare({ object: 'hawser', method: 'overview', params: [ 'filter', 'offset', 'after' ], reject: true }),
	check: rpc.declare({ object: 'hawser', method: 'check', params: [ 'config' ], reject: true }),
	interfaces: rpc.declare({ object: 'network.interface', method: 'dump', expect: { interface: [] } }),

	/* understood throws unless the answer is a status this page can show: after
	 * an upgrade an old tab may meet a new daemon. */
	understood: function(answer) {
		const status = answer?.status ?? answer;

		if (answer?.error)
			throw new Error(answer.error);
		if (typeof(answer?.running) != 'boolean' || (answer.running && shown.some(field => !Array.isArray(status[field]))))
			throw new Error(strange);
		return answer;
	},

	/* settingsWords is words() for the section of UCI, which holds passwords. */
	settingsWords: function(error) {
		if (denied(error))
			return _('The settings hold passwords, so only a login that may change them is shown them. Whoever administers the router can let this one write in the group luci-app-hawser.');
		return this.words(error);
	},

	/* strange is what a page throws that meets an answer it cannot show. */
	strange: strange,

	/* words says what went wrong with a call, and what to do. */
	words: function(error) {
		const text = String(error?.message ?? error ?? '');

		if (error?.name == 'SessionError' || /session is expired/i.test(text))
			return _('The login has expired. Log in again to go on.');
		if (denied(error))
			return _('This login may not ask hawser. Whoever administers the router can grant it the group luci-app-hawser; if you are the one, log out and in again.');
		if (/-32000|ubus code [34]\b|object not found/i.test(text))
			return _('The router does not know of hawser. Install the package hawser; if it is installed, run: /etc/init.d/rpcd restart');
		if (/ubus code 7\b|timed? ?out|timeout/i.test(text))
			return _('The router took too long to answer. It is asked again.');
		if (/XHR|NetworkError|Failed to fetch|HTTP|connection/i.test(text))
			return _('The router cannot be reached. It is asked again.');
		if (text == strange)
			return _('This page and hawser do not understand each other, perhaps after an upgrade. Load the page again.');
		return text || _('The router did not answer. It is asked again.');
	}
});
