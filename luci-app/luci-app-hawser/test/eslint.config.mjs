// What is wrong in the pages and in their tests. LuCI's modules are function
// bodies: they begin with 'require …' strings and return a class.

const luci = {
	_: 'readonly', N_: 'readonly', L: 'readonly', E: 'readonly',
	baseclass: 'readonly', dom: 'readonly', form: 'readonly', poll: 'readonly', rpc: 'readonly',
	uci: 'readonly', ui: 'readonly', view: 'readonly',
	daemon: 'readonly', graph: 'readonly', manifest: 'readonly', pending: 'readonly', rows: 'readonly', table: 'readonly'
};

const browser = { console: 'readonly', document: 'readonly', navigator: 'readonly', window: 'readonly' };

const rules = {
	'array-callback-return': 'error', 'consistent-return': 'off', 'constructor-super': 'error', 'eqeqeq': 'off',
	'no-const-assign': 'error', 'no-dupe-args': 'error', 'no-dupe-else-if': 'error', 'no-dupe-keys': 'error',
	'no-duplicate-case': 'error', 'no-empty': 'error', 'no-eval': 'error', 'no-fallthrough': 'error', 'no-func-assign': 'error',
	'no-implicit-globals': 'off', 'no-implied-eval': 'error', 'no-irregular-whitespace': 'error', 'no-loss-of-precision': 'error',
	'no-redeclare': 'error', 'no-restricted-properties': [ 'error',
		...[ 'innerHTML', 'outerHTML', 'insertAdjacentHTML' ].map(property => ({ property, message: 'elements come from E()' })) ],
	'no-self-assign': 'error', 'no-shadow': 'error', 'no-undef': 'error', 'no-unreachable': 'error',
	'no-unused-vars': [ 'error', { argsIgnorePattern: '^_' } ], 'no-use-before-define': [ 'error', { functions: false } ],
	'no-var': 'error', 'prefer-const': 'error', 'strict': 'off', 'use-isnan': 'error', 'valid-typeof': 'error'
};

export default [
	{ ignores: [ 'node_modules/' ] },
	{
		files: [ 'htdocs/**/*.js' ],
		languageOptions: {
			sourceType: 'script', ecmaVersion: 2021, globals: { ...luci, ...browser },
			parserOptions: { ecmaFeatures: { globalReturn: true } }
		},
		rules
	},
	{
		files: [ 'test/**/*.mjs' ],
		languageOptions: { sourceType: 'module', ecmaVersion: 2022, globals: { ...browser, process: 'readonly', URL: 'readonly', performance: 'readonly', setTimeout: 'readonly', structuredClone: 'readonly', Event: 'readonly', Node: 'readonly', getComputedStyle: 'readonly' } },
		rules
	}
];
