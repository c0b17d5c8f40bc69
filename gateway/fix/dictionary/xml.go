package dictionary

import (
	_ "embed"
	"encoding/xml"
)

//go:embed uncross-fix44.xml
var source []byte

// The elements of the file.
type (
	xmlFile struct {
		XMLName    xml.Name     `xml:"fix"`
		Header     xmlParts     `xml:"header"`
		Trailer    xmlParts     `xml:"trailer"`
		Messages   []xmlMessage `xml:"messages>message"`
		Components []xmlMessage `xml:"components>component"`
		Fields     []xmlField   `xml:"fields>field"`
	}
	xmlParts struct {
		Parts []xmlPart `xml:",any"`
	}
	xmlMessage struct {
		Name  string    `xml:"name,attr"`
		Type  string    `xml:"msgtype,attr"`
		Parts []xmlPart `xml:",any"`
	}
	xmlPart struct {
		XMLName  xml.Name  // field, group or component
		Name     string    `xml:"name,attr"`
		Required string    `xml:"required,attr"`
		Parts    []xmlPart `xml:",any"`
	}
	xmlField struct {
		Number int        `xml:"number,attr"`
		Name   string     `xml:"name,attr"`
		Type   string     `xml:"type,attr"`
		Values []xmlValue `xml:"value"`
	}
	xmlValue struct {
		Enum string `xml:"enum,attr"`
	}
)
