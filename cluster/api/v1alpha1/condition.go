package v1alpha1

// Accepted is the type of the condition that says whether an object is used;
// its reason is one of the Reason words.
const Accepted = "Accepted"

// Reasons of the condition Accepted.
const (
	// ReasonInUse: the object is used.
	ReasonInUse = "InUse"
	// ReasonOverlaps: an older pool has some of the addresses; this one gives
	// out none until one of the two is changed.
	ReasonOverlaps = "Overlaps"
	// ReasonConfigMap: the ConfigMap "config" is the whole configuration, and
	// objects are not looked at.
	ReasonConfigMap = "ConfigMapInUse"
	// ReasonPasswordMissing: the Secret that a peer names has no password; the
	// peer is not spoken to.
	ReasonPasswordMissing = "PasswordMissing"
	// ReasonUnknownName: the object names another one that is not there.
	ReasonUnknownName = "UnknownName"
	// ReasonAddressTaken: an older peer has the address of this one on a node;
	// there this one is not spoken to.
	ReasonAddressTaken = "AddressTaken"
	// ReasonConflicts: an advertisement contradicts an older one about a prefix
	// and a peer; there the older one is followed.
	ReasonConflicts = "Conflicts"
	// ReasonInvalid: the object holds something that cannot be read, which the
	// rules of its schema would have refused. What it said before stays in
	// force.
	ReasonInvalid = "Invalid"
)
