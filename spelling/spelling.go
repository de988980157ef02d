// Package spelling makes names of what people and folders are called, in any
// script.
//
// It stands beside the vocabulary and not in it because its tables, most of a
// megabyte, would be part of every start of the thin client and of every
// session's host, which only read names. The same text is always spelled the
// same: names on disk depend on it.
package spelling

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/mozillazg/go-unidecode"

	"github.com/iapeer/iapeer"
)

// maxLen is the longest name in bytes; a name is ASCII.
const maxLen = 32

// Normalize spells s with a-z, 0-9 and single inner hyphens, at most 32
// bytes. It never invents a name: the result may be empty or begin with a
// digit, and then [iapeer.ParseName] refuses it. Normalising twice changes nothing.
func Normalize(s string) string {
	slug := make([]byte, 0, maxLen+1)
	for _, c := range []byte(transliterate(s)) {
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		default:
			if len(slug) == 0 || slug[len(slug)-1] == '-' {
				continue
			}
			c = '-'
		}
		if slug = append(slug, c); len(slug) > maxLen {
			slug = slug[:maxLen]
			break
		}
	}
	return strings.TrimRight(string(slug), "-")
}

// FromFolder returns the name that a folder called base gives its peer. The
// error matches [iapeer.ErrBadName] and says how to get a name.
func FromFolder(base string) (iapeer.Name, error) {
	slug := Normalize(base)
	name, err := iapeer.ParseName(slug)
	if err == nil {
		return name, nil
	}
	why := "it has no letter or digit that can be spelled with a-z and 0-9"
	if slug != "" {
		why = fmt.Sprintf("it is spelled %q, which does not begin with a letter", slug)
	}
	return "", &iapeer.ParseError{What: "folder", Value: base,
		Err: fmt.Errorf("%s; rename the folder: %w", why, iapeer.ErrBadName)}
}

// special holds what names on disk spell otherwise than unidecode does. Names
// made by older programs must come out the same, or their folders would change
// owner.
var special = map[rune]string{
	'№': " No ", '\u2126': "O", // the sign of the ohm is a letter to Unicode
	'Ё': "Yo", 'Й': "Y", 'Х': "H", 'Ц': "C", 'Щ': "Shch", 'Ъ': "", 'Ь': "", 'Ю': "Yu", 'Я': "Ya",
	'ё': "yo", 'й': "y", 'х': "h", 'ц': "c", 'щ': "shch", 'ъ': "", 'ь': "", 'ю': "yu", 'я': "ya",
	'Β': "V", 'Η': "I", 'Ή': "I", 'Ξ': "X", 'Υ': "Y", 'Ϋ': "Y", 'Φ': "F", 'Χ': "H",
	'β': "v", 'η': "i", 'ή': "i", 'υ': "y", 'ύ': "y", 'ϋ': "y", 'ΰ': "y", 'φ': "f", 'χ': "h",
	'א': "", 'ח': "kh", 'כ': "k", 'ך': "k", 'ק': "q",
	'し': "si", 'ち': "ti", 'つ': "tu", 'っ': "tu", 'シ': "si", 'チ': "ti", 'ツ': "tu", 'ッ': "tu",
	'万': "Wan ", '么': "Me ", '叶': "Ye ", '宁': "Ning ", '广': "Guang ", '术': "Shu ",
	'汉': "Han ", '沈': "Shen ", '癌': "Ai ", '种': "Zhong ", '触': "Chu ", '重': "Chong ",
}

// composed joins the Cyrillic letters that file systems may store in two parts
// and that are spelled otherwise than their first part.
var composed = strings.NewReplacer("\u0415\u0308", "Ё", "\u0435\u0308", "ё", "\u0418\u0306", "Й", "\u0438\u0306", "й")

// transliterate spells letters, marks and digits in ASCII, Roman numerals and
// superscripts of Latin-1 included. Any other character outside ASCII becomes a
// space: a symbol is not a name, though unidecode has words for some.
func transliterate(s string) string {
	var b strings.Builder
	for _, r := range composed.Replace(s) {
		ascii, own := special[r]
		switch {
		case own:
			b.WriteString(ascii)
		case r < unicode.MaxASCII:
			b.WriteRune(r)
		case unicode.In(r, unicode.L, unicode.M, unicode.Nd, unicode.Nl), r <= unicode.MaxLatin1 && unicode.IsNumber(r):
			b.WriteString(unidecode.Unidecode(string(r)))
		default:
			b.WriteByte(' ')
		}
	}
	return b.String()
}
