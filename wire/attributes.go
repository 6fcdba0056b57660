package wire

import (
	"fmt"
	"slices"
	"strings"

	"tollbook"
)

// attrChunk is the most attributes that are allocated at once.
const attrChunk = 1024

// addAttribute gives the event one more attribute.
func (b *builder) addAttribute(key, value string) {
	b.given |= fieldAttributes.bit()
	n := len(b.attrs) - b.ownAttr
	if n == 0 && cap(b.attrs)-len(b.attrs) <= tollbook.MaxAttributes {
		left := cap(b.items) - len(b.items)
		b.attrs = make([]tollbook.Attribute, 0, max(tollbook.MaxAttributes+1, min(4*left, attrChunk)))
		b.ownAttr = 0
	}
	switch {
	case n > tollbook.MaxAttributes: // it is said already
	case n == tollbook.MaxAttributes:
		b.refuse(fieldAttributes, fmt.Sprintf("has more than %d attributes", tollbook.MaxAttributes))
		b.attrs = append(b.attrs, tollbook.Attribute{})
	case key == "":
		b.refuse(fieldAttributes, "has a key without any characters")
	case len(key) > tollbook.MaxAttributeKeyBytes:
		b.refuseAttribute(key, "has a key that "+tooLong(len(key), tollbook.MaxAttributeKeyBytes))
	case len(value) > tollbook.MaxAttributeValueBytes:
		b.refuseAttribute(key, tooLong(len(value), tollbook.MaxAttributeValueBytes))
	default:
		b.attrs = append(b.attrs, tollbook.Attribute{Key: key, Value: value})
	}
}

func (b *builder) refuseAttribute(key, problem string) {
	b.fault(b.names[fieldAttributes]+"."+shown(key), problem)
}

// endAttributes brings the event's attributes into order.
func (b *builder) endAttributes(own []tollbook.Attribute) {
	ascend := true
	for i := 1; i < len(own) && ascend; i++ {
		ascend = own[i-1].Key < own[i].Key
	}
	if !ascend {
		slices.SortStableFunc(own, func(a, b tollbook.Attribute) int { return strings.Compare(a.Key, b.Key) })
		for i := 1; i < len(own); i++ {
			if own[i].Key == own[i-1].Key {
				b.refuseAttribute(own[i].Key, isRepeated)
			}
		}
	}
	b.event.Attributes = own[:len(own):len(own)]
}
