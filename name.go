package iapeer

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/mozillazg/go-unidecode"
)

// A Name is a peer's name, its "personality" on the wire: 1 to 32 of a-z, 0-9
// and hyphen, beginning with a letter.
type Name string

// maxNameLen is the longest name in bytes; a name is ASCII.
const maxNameLen = 32

// ParseName returns s as a Name, or [ErrBadName]. It never changes s; see
// [NormalizeName].
func ParseName(s string) (Name, error) {
	if !isWord(s, true) {
		return "", &ParseError{What: "name", Value: s, Err: ErrBadName}
	}
	return Name(s), nil
}

// isWord reports whether s is 1 to 32 of a-z, 0-9 and, where hyphens are
// allowed, hyphens, beginning with a letter. It is no regular expression
// because every start of the thin client would pay for compiling it.
func isWord(s string, hyphens bool) bool {
	return s != "" && len(s) <= maxNameLen && 'a' <= s[0] && s[0] <= 'z' && isSmall(s, hyphens)
}

// isSmall reports whether s holds nothing but a-z, 0-9 and, where they are
// allowed, hyphens.
func isSmall(s string, hyphens bool) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && (c != '-' || !hyphens) {
			return false
		}
	}
	return true
}

// UnmarshalText implements encoding.TextUnmarshaler, so that flags, JSON and
// configuration refuse a bad name at the door.
func (n *Name) UnmarshalText(b []byte) error {
	v, err := ParseName(string(b))
	if err != nil {
		return err
	}
	*n = v
	return nil
}

// NormalizeName spells s with a-z, 0-9 and single inner hyphens, at most 32
// bytes. It never invents a name: the result may be empty or begin with a
// digit, and then [ParseName] refuses it. Normalising twice changes nothing.
func NormalizeName(s string) string {
	slug := make([]byte, 0, maxNameLen+1)
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
		if slug = append(slug, c); len(slug) > maxNameLen {
			slug = slug[:maxNameLen]
			break
		}
	}
	return strings.TrimRight(string(slug), "-")
}

// NameFromFolder returns the name that a folder called base gives its peer. The
// error matches [ErrBadName] and says how to get a name.
func NameFromFolder(base string) (Name, error) {
	slug := NormalizeName(base)
	name, err := ParseName(slug)
	if err == nil {
		return name, nil
	}
	why := "it has no letter or digit that can be spelled with a-z and 0-9"
	if slug != "" {
		why = fmt.Sprintf("it is spelled %q, which does not begin with a letter", slug)
	}
	return "", &ParseError{What: "folder", Value: base,
		Err: fmt.Errorf("%s; rename the folder: %w", why, ErrBadName)}
}

// spelling holds what names on disk spell otherwise than unidecode does. Names
// made by older programs must come out the same, or their folders would change
// owner.
var spelling = map[rune]string{
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
		ascii, special := spelling[r]
		switch {
		case special:
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
