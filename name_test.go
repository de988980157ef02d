package iapeer_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/iapeer/iapeer"
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

func TestNormalizeName(t *testing.T) {
	for _, tc := range names {
		got := iapeer.NormalizeName(tc.in)
		if got != tc.want {
			t.Errorf("NormalizeName(%q) = %q, want %q", tc.in, got, tc.want)
		}
		if again := iapeer.NormalizeName(got); again != got {
			t.Errorf("NormalizeName(%q) = %q: normalising twice changes it", got, again)
		}
	}
}

func TestNameFromFolder(t *testing.T) {
	for _, tc := range names {
		got, err := iapeer.NameFromFolder(tc.in)
		if tc.bad != errors.Is(err, iapeer.ErrBadName) || tc.bad == (err == nil) {
			t.Errorf("NameFromFolder(%q): error %v, want bad = %v", tc.in, err, tc.bad)
		}
		if !tc.bad && string(got) != tc.want {
			t.Errorf("NameFromFolder(%q) = %q, want %q", tc.in, got, tc.want)
		}
	}
	_, err := iapeer.NameFromFolder("2nd")
	if want := `"2nd", which does not begin with a letter; rename the folder`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("NameFromFolder(2nd) = %v, want it to say %q", err, want)
	}
}

func TestParseName(t *testing.T) {
	for _, tc := range []struct {
		in string
		ok bool
	}{
		{"ada", true}, {"a", true}, {"a-", true}, {"a1-b", true}, {strings.Repeat("a", 32), true},
		{"", false}, {"Ada", false}, {"1a", false}, {"-a", false}, {"a.b", false}, {"a b", false},
		{"a\n", false}, {strings.Repeat("a", 33), false}, {"наталья", false},
	} {
		var n iapeer.Name
		err := n.UnmarshalText([]byte(tc.in))
		if (err == nil) != tc.ok || (err != nil && !errors.Is(err, iapeer.ErrBadName)) {
			t.Errorf("Name %q: %v, want ok = %v", tc.in, err, tc.ok)
		}
		if tc.ok && string(n) != tc.in {
			t.Errorf("Name %q became %q", tc.in, n)
		}
	}
}

func TestParseIdentity(t *testing.T) {
	for _, tc := range []struct {
		in      string
		runtime iapeer.Runtime
		name    iapeer.Name
		bad     bool
	}{
		{in: "claude-boris", runtime: "claude", name: "boris"},
		{in: "notifier-notifier-timer", runtime: "notifier", name: "notifier-timer"},
		{in: "", bad: true}, {in: "claude", bad: true}, {in: "-boris", bad: true}, {in: "claude-", bad: true},
		{in: "Claude-boris", bad: true}, {in: "claude-2nd", bad: true}, {in: "claude--boris", bad: true},
		{in: "claude-boris\n", bad: true},
	} {
		got, err := iapeer.ParseIdentity(tc.in)
		if tc.bad != errors.Is(err, iapeer.ErrBadIdentity) {
			t.Errorf("ParseIdentity(%q): %v, want bad = %v", tc.in, err, tc.bad)
		}
		if want := (iapeer.Identity{Runtime: tc.runtime, Name: tc.name}); got != want {
			t.Errorf("ParseIdentity(%q) = %v, want %v", tc.in, got, want)
		}
		if !tc.bad && got.String() != tc.in {
			t.Errorf("%q is written back as %q", tc.in, got)
		}
	}
}

func TestIdentityJSON(t *testing.T) {
	var got struct{ A, B iapeer.Identity }
	if err := json.Unmarshal([]byte(`{"A":"claude-ada","B":""}`), &got); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(got)
	if err != nil || string(b) != `{"A":"claude-ada","B":""}` {
		t.Errorf("got %s, %v", b, err)
	}
	if err := json.Unmarshal([]byte(`{"A":"ada"}`), &got); !errors.Is(err, iapeer.ErrBadIdentity) {
		t.Errorf("identity without a runtime: %v", err)
	}
}

func FuzzNormalizeName(f *testing.F) {
	for _, tc := range names {
		f.Add(tc.in)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := iapeer.NormalizeName(s)
		if again := iapeer.NormalizeName(got); again != got {
			t.Errorf("NormalizeName(%q) = %q, then %q", s, got, again)
		}
		if len(got) > 32 || strings.Trim(got, "-") != got || strings.Contains(got, "--") {
			t.Errorf("NormalizeName(%q) = %q", s, got)
		}
		if got != "" && (got[0] < '0' || got[0] > '9') {
			if _, err := iapeer.ParseName(got); err != nil {
				t.Errorf("NormalizeName(%q) = %q: %v", s, got, err)
			}
		}
	})
}
