// Prints the manifest that "Connect a cluster" shows for the lab's router,
// whose address is the argument.

import { LuCI } from './standin.mjs';

const section = {
	'.name': 'home', asn: '65001', source: [ '10.77.2.0/24', 'fd77:2::/64' ], allow: [ '10.77.100.0/24', 'fd77:100::/112' ]
};
const made = new LuCI().require('view.hawser.manifest').make({ asn: '65000' }, section, { address: process.argv[2] }, 0);

process.stdout.write(made.text);
