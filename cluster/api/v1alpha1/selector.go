package v1alpha1

// LabelSelector selects objects by their labels: all that it says must hold.
// It is Kubernetes' own kind of selector, with bounds, so that the API server
// can look at every part of it. Nothing in it selects everything.
//
// +structType=atomic
type LabelSelector struct {
	// Labels that an object must have, with these values.
	//
	// +optional
	MatchLabels map[string]string `json:"matchLabels,omitempty"`
	// Conditions on labels.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	MatchExpressions []LabelRequirement `json:"matchExpressions,omitempty"`
}

// LabelRequirement is a condition on one label.
//
// +kubebuilder:validation:XValidation:rule="!(self.operator in ['In', 'NotIn']) || has(self.values) && self.values.size() > 0",message="operators In and NotIn need values"
// +kubebuilder:validation:XValidation:rule="!(self.operator in ['Exists', 'DoesNotExist']) || !has(self.values) || self.values.size() == 0",message="operators Exists and DoesNotExist take no values"
type LabelRequirement struct {
	// The label.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=317
	Key string `json:"key"`
	// In and NotIn compare with values; NotIn holds as well where the label is
	// missing. Exists and DoesNotExist ask for the label only.
	//
	// +required
	// +kubebuilder:validation:Enum=In;NotIn;Exists;DoesNotExist
	Operator string `json:"operator"`
	// What In and NotIn compare with.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=1000
	// +kubebuilder:validation:items:MaxLength=63
	Values []string `json:"values,omitempty"`
}
