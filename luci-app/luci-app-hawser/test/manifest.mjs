// Prints the manifest that "Connect a cluster" shows for the lab's router. Its
// address is the first argument; further ones, such as bfd=1, are options of
// the cluster's section.

import { LuCI } from './standin.mjs';

const [ address, ...options ] = process.argv.slice(2);
const section = {
	'.name': 'home', asn: '65001', source: [ '10.77.2.0/24', 'fd77:2::/64' ], allow: [ '10.77.100.0/24', 'fd77:100::/112' ],
	...Object.fromEntries(options.map(o => o.split('=', 2)))
};
const made = new LuCI().require('view.hawser.manifest').make({ asn: '65000' }, section, { address }, 0);

process.stdout.write(made.text);
