import { test } from 'node:test';
import assert from 'node:assert/strict';
import { LuCI } from './standin.mjs';

const globals = { '.name': 'globals', '.type': 'globals', asn: '65000' };
const home = { '.name': 'home', '.type': 'cluster', asn: '65001', source: [ '10.77.2.0/24' ], allow: [ '10.77.100.0/24', 'fd77:100::/112' ] };

const make = (section, choice = {}, router = globals, neighbors = 0) =>
	new LuCI().require('view.hawser.manifest').make(router, section, choice, neighbors);

test('a filled-in section becomes a pool and a peer', () => {
	assert.equal(make(home, { address: '10.77.2.1' }).text, `apiVersion: hawser.dev/v1alpha1
kind: AddressPool
metadata:
  name: home
spec:
  addresses:
  - "10.77.100.0/24"
  - "fd77:100::/112"
---
apiVersion: hawser.dev/v1alpha1
kind: BGPPeer
metadata:
  name: router
spec:
  myASN: 65001
  peerASN: 65000
  peerAddress: "10.77.2.1"
`);
});

test('without an address the nodes speak to their default gateway', () => {
	assert.match(make(home).text, /peerAddressFrom: DefaultGateway/);
});

test('port, distance and password go along', () => {
	const text = make({ ...home, multihop: '2', password: 'a "b" \\ c: #' }, { address: '10.77.2.1' }, { ...globals, listen_port: '1179' }).text;
	assert.match(text, /peerPort: 1179/);
	assert.match(text, /ebgpMultiHop: true/);
	assert.match(text, /passwordSecret:\n {4}name: hawser-router-home/);
	assert.match(text, /kind: Secret\nmetadata:\n {2}name: hawser-router-home\n {2}namespace: hawser-system/);
	assert.ok(text.includes('password: "a \\"b\\" \\\\ c: #"'));
});

test('what protects and watches the session is asked for on both sides', () => {
	const text = make({ ...home, ttl_security: '1', bfd: '1', bfd_interval: '200', bfd_multiplier: '4' }).text;
	assert.match(text, /ttlSecurity: 1\n/);
	assert.match(text, /bfd:\n {4}enabled: true\n {4}transmitInterval: 200ms\n {4}receiveInterval: 200ms\n {4}detectMultiplier: 4\n/);
});

test('a name of uci becomes one of Kubernetes', () => {
	assert.match(make({ ...home, '.name': 'My_Cluster_1_' }).text, /name: my-cluster-1\n/);
});

test('what is missing is named, and there is no half a manifest', () => {
	for (const [ section, choice, router, words ] of [
		[ home, {}, {}, /router has no AS number/ ],
		[ { ...home, asn: undefined }, {}, globals, /section has no AS number/ ],
		[ { ...home, asn: 'external' }, {}, globals, /say below which one/ ],
		[ { ...home, allow: [] }, {}, globals, /allows no prefix/ ],
		[ { ...home, source: [] }, {}, globals, /lets nobody connect/ ]
	]) {
		const made = make(section, choice, router);
		assert.equal(made.text, '');
		assert.match(made.missing.join(' '), words);
	}
	assert.notEqual(make({ ...home, asn: 'any' }, { asn: '65009' }).text, '');
	assert.notEqual(make({ ...home, source: [] }, {}, globals, 1).text, '');
});

test('the address of this router is found among its interfaces', () => {
	const { routerAddress } = new LuCI().require('view.hawser.manifest');
	const interfaces = [ { 'ipv4-address': [ { address: '127.0.0.1', mask: 8 } ] }, { 'ipv4-address': [ { address: '192.168.1.1', mask: 24 } ] } ];
	assert.equal(routerAddress(interfaces, [ '192.168.1.0/24' ]), '192.168.1.1');
	assert.equal(routerAddress(interfaces, [ '192.168.1.64/26' ]), '192.168.1.1');
	assert.equal(routerAddress(interfaces, [ '192.168.2.0/24' ]), '');
	assert.equal(routerAddress(interfaces, [ '2001:db8::/64' ]), '');
	assert.equal(routerAddress([], undefined), '');
});

test('the page shows the manifest and how many sessions are up', async () => {
	const luci = await new LuCI({ sections: [ globals, home ] }).open('connect');
	assert.match(luci.one('textarea').value, /kind: BGPPeer/);
	await luci.tick();
	assert.match(luci.text, /2 of 2 sessions are up/);
});

test('the password is hidden until it is asked for', async () => {
	const luci = await new LuCI({ sections: [ globals, { ...home, password: 'hunter2' } ] }).open('connect');
	assert.doesNotMatch(luci.one('textarea').value, /hunter2/);
	luci.one('#hawser-reveal').click();
	assert.match(luci.one('textarea').value, /password: "hunter2"/);
});

test('one click copies it, the password too', async () => {
	const luci = await new LuCI({ sections: [ globals, { ...home, password: 'hunter2' } ] }).open('connect');
	let copied = '';
	luci.document.execCommand = () => { copied = luci.one('textarea').value; return true; };
	luci.all('button').find(b => b.textContent == 'Copy').click();
	assert.match(copied, /password: "hunter2"/);
	assert.doesNotMatch(luci.one('textarea').value, /hunter2/);
	assert.match(luci.text, /Copied/);
});

test('without a cluster, and without the right to read, there is a sentence', async () => {
	assert.match((await new LuCI({ sections: [ globals ] }).open('connect')).text, /No cluster is described yet/);
	assert.match((await new LuCI({ login: 'read' }).open('connect')).text, /only a login that may change them/);
});
