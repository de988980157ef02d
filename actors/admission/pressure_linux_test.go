package admission

import "testing"

func TestParsePressure(t *testing.T) {
	for _, tc := range []struct {
		text string
		want float64
		ok   bool
	}{
		{"some avg10=12.50 avg60=0.00 avg300=0.00 total=0\nfull avg10=99.00 avg60=0.00 avg300=0.00 total=0\n", 0.125, true},
		{"full avg10=99.00 avg60=0.00 avg300=0.00 total=0\n", 0, false},
		{"some avg10=x\n", 0, false},
		{"some avg10=-1\n", 0, false},
		{"", 0, false},
	} {
		got, ok := parsePressure(tc.text)
		if ok != tc.ok || ok && got != tc.want {
			t.Errorf("parsePressure(%q) = %v, %v, want %v, %v", tc.text, got, ok, tc.want, tc.ok)
		}
	}
}

func FuzzParsePressure(f *testing.F) {
	f.Add("some avg10=12.50 avg60=0.00 avg300=0.00 total=0\n")
	f.Fuzz(func(t *testing.T, text string) {
		if share, ok := parsePressure(text); ok && !(share >= 0 && share <= 1) {
			t.Errorf("parsePressure(%q) = %v", text, share)
		}
	})
}
