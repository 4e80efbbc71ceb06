// Inputs and check of spec/vectors/hpke-suite1.json with Go's standard library (crypto/hpke, crypto/mlkem, crypto/ecdh).
//
//	hpke inputs       writes keys, randomness, encapsulated keys and plaintexts; nothing is sealed yet
//	hpke check FILE   opens every message of FILE as the recipient, makes every export, and refuses any difference
package main

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/mlkem"
	"crypto/mlkem/mlkemtest"
	"crypto/sha3"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log"
	"os"
)

// Hex is bytes that JSON spells in hexadecimal.
type Hex []byte

func (h Hex) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *Hex) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// The member names are those of draft-ietf-hpke-pq's vectors; IkmE is the randomness of the encapsulation.
type Vector struct {
	Name         string    `json:"name"`
	Mode         int       `json:"mode"`
	KemID        uint16    `json:"kem_id"`
	KdfID        uint16    `json:"kdf_id"`
	AeadID       uint16    `json:"aead_id"`
	Info         Hex       `json:"info"`
	IkmE         Hex       `json:"ikmE"`
	IkmR         Hex       `json:"ikmR"`
	SkRm         Hex       `json:"skRm"`
	PkRm         Hex       `json:"pkRm"`
	Enc          Hex       `json:"enc"`
	SharedSecret Hex       `json:"shared_secret"`
	Encryptions  []Message `json:"encryptions"`
	Exports      []Export  `json:"exports"`
}

type Message struct {
	AAD Hex `json:"aad"`
	PT  Hex `json:"pt"`
	CT  Hex `json:"ct"`
}

type Export struct {
	ExporterContext Hex `json:"exporter_context"`
	L               int `json:"L"`
	ExportedValue   Hex `json:"exported_value"`
}

var (
	kem  = hpke.MLKEM768X25519()
	kdf  = hpke.HKDFSHA256()
	aead = hpke.AES256GCM()
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

// stream returns n bytes that depend on the label alone, so that making the file again gives the same file.
func stream(n int, label string) Hex {
	return sha3.SumSHAKE256([]byte("openpcc hpke-suite1 "+label), n)
}

// encapsulate is X-Wing's derandomised encapsulation, up to the shared secret, from Go's two halves.
func encapsulate(pk, randomness []byte) Hex {
	pkM := must(mlkem.NewEncapsulationKey768(pk[:mlkem.EncapsulationKeySize768]))
	_, ctM, err := mlkemtest.Encapsulate768(pkM, randomness[:32])
	if err != nil {
		log.Fatal(err)
	}
	skE := must(ecdh.X25519().NewPrivateKey(randomness[32:]))
	return append(ctM, skE.PublicKey().Bytes()...)
}

func vector(name string, info Hex, messages []Message, exports []Export) Vector {
	v := Vector{Name: name, KemID: kem.ID(), KdfID: kdf.ID(), AeadID: aead.ID(), Info: info, Encryptions: messages, Exports: exports}
	v.IkmR = stream(32, name+" ikmR")
	v.IkmE = stream(64, name+" ikmE")
	key := must(kem.DeriveKeyPair(v.IkmR))
	v.SkRm = must(key.Bytes())
	v.PkRm = key.PublicKey().Bytes()
	v.Enc = encapsulate(v.PkRm, v.IkmE)
	return v
}

// short returns n messages that differ in nothing but their number.
func short(n int) []Message {
	messages := make([]Message, n)
	for i := range messages {
		messages[i].PT = Hex("same")
	}
	return messages
}

func inputs() []Vector {
	text := Hex("a question of which only the node learns")
	return []Vector{
		vector("messages in order", Hex("OpenPCC"),
			[]Message{{AAD: Hex("first"), PT: text}, {AAD: Hex("second"), PT: text}, {AAD: Hex("third"), PT: text}},
			[]Export{{L: 32}, {ExporterContext: Hex{0}, L: 32}}),
		vector("sequence past one byte", Hex("OpenPCC"), short(258), []Export{{ExporterContext: Hex("after 258 messages"), L: 32}}),
		vector("nothing in anything", nil, []Message{{}, {AAD: Hex{0}}, {PT: Hex{0}}}, []Export{{L: 1}}),
		vector("longer than blocks, zeros inside", append(stream(300, "info"), 0, 0, 1, 0),
			[]Message{{AAD: stream(300, "aad"), PT: stream(2000, "pt")}, {AAD: Hex{0, 1, 0}, PT: Hex{0, 0, 0, 2, 0}}},
			[]Export{{ExporterContext: stream(300, "exporter context"), L: 64}}),
		vector("exports alone", Hex("OpenPCC exports"), []Message{},
			[]Export{{ExporterContext: Hex("one byte"), L: 1}, {ExporterContext: Hex("a block and one"), L: 33},
				{ExporterContext: Hex("the longest"), L: 255 * 32}}),
	}
}

// check plays the recipient of a finished vector.
func check(v Vector) {
	same := func(what string, got, want []byte) {
		if !bytes.Equal(got, want) {
			log.Fatalf("%s: %s differs", v.Name, what)
		}
	}
	if v.Mode != 0 || v.KemID != kem.ID() || v.KdfID != kdf.ID() || v.AeadID != aead.ID() {
		log.Fatalf("%s: another suite", v.Name)
	}
	key := must(kem.DeriveKeyPair(v.IkmR))
	same("skRm", must(key.Bytes()), v.SkRm)
	same("pkRm", key.PublicKey().Bytes(), v.PkRm)
	same("enc", encapsulate(v.PkRm, v.IkmE), v.Enc)
	recipient := must(hpke.NewRecipient(v.Enc, must(kem.NewPrivateKey(v.SkRm)), kdf, aead, v.Info))
	for i, m := range v.Encryptions {
		same(fmt.Sprintf("message %d", i), must(recipient.Open(m.AAD, m.CT)), m.PT)
	}
	for i, e := range v.Exports {
		same(fmt.Sprintf("export %d", i), must(recipient.Export(string(e.ExporterContext), e.L)), e.ExportedValue)
	}
}

func main() {
	log.SetFlags(0)
	switch {
	case len(os.Args) == 2 && os.Args[1] == "inputs":
		os.Stdout.Write(must(json.Marshal(inputs())))
	case len(os.Args) == 3 && os.Args[1] == "check":
		var vectors []Vector
		decoder := json.NewDecoder(bytes.NewReader(must(os.ReadFile(os.Args[2]))))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&vectors); err != nil {
			log.Fatal(err)
		}
		if len(vectors) == 0 {
			log.Fatal("no vectors")
		}
		for _, v := range vectors {
			check(v)
		}
		fmt.Fprintf(os.Stderr, "Go agrees with all %d vectors\n", len(vectors))
	default:
		log.Fatal("usage: hpke inputs | hpke check FILE")
	}
}
