// Package migrate moves house: it reads what MetalLB was told, as its ConfigMap
// of v0.12 or as its objects (metallb.io), and says the same in Hawser's
// objects. It stands before everything else and touches nothing: manifests go
// in as text and come out as text.
//
//	files, stdin, a cluster -> Read -> Move -> House -> kubectl apply
//
// What cannot be carried over is not passed over in silence: it stands in Lost,
// one sentence each, with what to do. What is carried over in another form
// stands in Notes. Pools let Services of different namespaces share an address,
// as MetalLB always did, so that nobody loses one by the move.
package migrate
