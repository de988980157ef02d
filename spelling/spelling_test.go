package spelling_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/spelling"
)

// names are inputs and their spelling; bad ones are not a name.
var names = []struct {
	in, want string
	bad      bool
}{
	{in: "Café №2", want: "cafe-no-2"},
	{in: "项目", want: "xiang-mu"},
	{in: "My Project", want: "my-project"},
	{in: "iapeer", want: "iapeer"},
	{in: "boris", want: "boris"},
	{in: "notifier-timer", want: "notifier-timer"},
	{in: "darwin", want: "darwin"},
	{in: "Нова", want: "nova"},
	{in: "Борис", want: "boris"},
	{in: "Наталья", want: "natalya"},
	{in: "東京", want: "dong-jing"},
	{in: "北京", want: "bei-jing"},
	{in: "Ω", want: "o"},
	{in: "naïve", want: "naive"},
	{in: "nai\u0308ve", want: "naive"},
	{in: "Köln", want: "koln"},
	{in: "Straße", want: "strasse"},
	{in: "  a   b  ", want: "a-b"},
	{in: "a___b...c", want: "a-b-c"},
	{in: "--lead-and-trail--", want: "lead-and-trail"},
	{in: strings.Repeat("a", 40), want: strings.Repeat("a", 32)},
	{in: strings.Repeat("a", 31) + "-bbb", want: strings.Repeat("a", 31)},
	{in: strings.Repeat("-a", 40), want: strings.Repeat("a-", 15) + "a"},
	{in: "Maria", want: "maria"},
	{in: "Михаил Цой", want: "mihail-coy"},
	{in: "объект съёмки", want: "obekt-syomki"},
	{in: "Щука-Ёж", want: "shchuka-yozh"},
	{in: "\u0415\u0308лка \u0438\u0306од", want: "yolka-yod"},
	{in: "Ελληνικά", want: "ellinika"},
	{in: "\u2126 \u03a9", want: "o-o"},
	{in: "南宁", want: "nan-ning"},
	{in: "ひらがな", want: "hiragana"},
	{in: "한국어", want: "hangugeo"},
	{in: "Ørsted łódź ğüş ñandú", want: "orsted-lodz-gus-nandu"},
	{in: "m²", want: "m2"},
	{in: "vol Ⅳ", want: "vol-iv"},
	{in: "l’été…", want: "l-ete"},
	{in: "🚀 rocket™", want: "rocket"},
	{in: "№2", want: "no-2"},
	{in: "price€list", want: "price-list"},
	{in: "a\u007fb", want: "a-b"},
	{in: "", bad: true},
	{in: "①②③", bad: true},
	{in: "😀", bad: true},
	{in: "---", bad: true},
	{in: "\xff\xfe", bad: true},
	{in: "2nd", want: "2nd", bad: true},
	{in: "42", want: "42", bad: true},
}

func TestNormalize(t *testing.T) {
	for _, tc := range names {
		got := spelling.Normalize(tc.in)
		if got != tc.want {
			t.Errorf("Normalize(%q) = %q, want %q", tc.in, got, tc.want)
		}
		if again := spelling.Normalize(got); again != got {
			t.Errorf("Normalize(%q) = %q: normalising twice changes it", got, again)
		}
	}
}

func TestFromFolder(t *testing.T) {
	for _, tc := range names {
		got, err := spelling.FromFolder(tc.in)
		if tc.bad != errors.Is(err, iapeer.ErrBadName) || tc.bad == (err == nil) {
			t.Errorf("FromFolder(%q): error %v, want bad = %v", tc.in, err, tc.bad)
		}
		if !tc.bad && string(got) != tc.want {
			t.Errorf("FromFolder(%q) = %q, want %q", tc.in, got, tc.want)
		}
	}
	_, err := spelling.FromFolder("2nd")
	if want := `"2nd", which does not begin with a letter; rename the folder`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("FromFolder(2nd) = %v, want it to say %q", err, want)
	}
}

func FuzzNormalize(f *testing.F) {
	for _, tc := range names {
		f.Add(tc.in)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := spelling.Normalize(s)
		if again := spelling.Normalize(got); again != got {
			t.Errorf("Normalize(%q) = %q, then %q", s, got, again)
		}
		if len(got) > 32 || strings.Trim(got, "-") != got || strings.Contains(got, "--") {
			t.Errorf("Normalize(%q) = %q", s, got)
		}
		if got != "" && (got[0] < '0' || got[0] > '9') {
			if _, err := iapeer.ParseName(got); err != nil {
				t.Errorf("Normalize(%q) = %q: %v", s, got, err)
			}
		}
	})
}

func BenchmarkNormalize(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if spelling.Normalize("My Project Наталья") == "" {
			b.Fatal("empty")
		}
	}
}
