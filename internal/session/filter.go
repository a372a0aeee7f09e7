package session

// Filter narrows a list of sessions; nil fields do not narrow.
type Filter struct {
	Type     *Type
	Category *Category
	Status   *Status
}

// RecordFilter narrows a list of records; nil fields do not narrow.
type RecordFilter struct {
	Status *RecordStatus
}

// Statuses lists the states that the filter lets through.
func (f RecordFilter) Statuses() []RecordStatus {
	if f.Status != nil {
		return []RecordStatus{*f.Status}
	}
	return RecordStatuses()
}
