// Command ohttp-client makes one request through an Oblivious HTTP relay with an implementation that is not ours: key configurations,
// encapsulation, Binary HTTP and HPKE are those of the modules in go.mod. It prints the answer's body; its status goes to standard error.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/cloudflare/circl/hpke"
	binary "github.com/openpcc/bhttp"
	"github.com/openpcc/ohttp"
	"github.com/openpcc/ohttp/encoding/bhttp"
)

type options struct {
	keys, relay, method, body, contentType, url string
	keyID, aead                                 uint
	chunked                                     bool
}

func main() {
	var o options
	flag.StringVar(&o.keys, "keys", "", "file of type application/ohttp-keys")
	flag.UintVar(&o.keyID, "key-id", 0, "which of the keys")
	flag.UintVar(&o.aead, "aead", 0, "HPKE AEAD identifier")
	flag.StringVar(&o.relay, "relay", "", "where the encapsulated request goes")
	flag.BoolVar(&o.chunked, "chunked", false, "chunked Oblivious HTTP, instead of RFC 9458's whole messages")
	flag.StringVar(&o.method, "method", http.MethodGet, "method of the request inside")
	flag.StringVar(&o.body, "body", "", "file with the request's content")
	flag.StringVar(&o.contentType, "content-type", "", "the content's media type")
	flag.Parse()
	o.url = flag.Arg(0)
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(o options) error {
	key, err := chooseKey(o)
	if err != nil {
		return err
	}
	request, err := makeRequest(o)
	if err != nil {
		return err
	}
	encoder, err := bhttp.NewRequestEncoder(bhttp.WithCustomRequestEncoder(&binary.RequestEncoder{MapFunc: mapping(o.chunked)}))
	if err != nil {
		return err
	}
	transport, err := ohttp.NewTransport(key, o.relay, ohttp.WithRequestEncoder(encoder))
	if err != nil {
		return err
	}
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(os.Stdout, answer.Body); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "status %d\n", answer.StatusCode)
	return nil
}

// chooseKey reads the whole list and leaves of the chosen key the chosen algorithm alone.
func chooseKey(o options) (ohttp.KeyConfig, error) {
	encoded, err := os.ReadFile(o.keys)
	if err != nil {
		return ohttp.KeyConfig{}, err
	}
	var keys ohttp.KeyConfigs
	if err := keys.UnmarshalBinary(encoded); err != nil {
		return ohttp.KeyConfig{}, err
	}
	for _, key := range keys {
		for _, algorithm := range key.SymmetricAlgorithms {
			if uint(key.KeyID) == o.keyID && algorithm.AEADID == hpke.AEAD(o.aead) {
				key.SymmetricAlgorithms = []ohttp.SymmetricAlgorithm{algorithm}
				return key, nil
			}
		}
	}
	return ohttp.KeyConfig{}, errors.New("no such key")
}

func makeRequest(o options) (*http.Request, error) {
	var content []byte
	if o.body != "" {
		var err error
		if content, err = os.ReadFile(o.body); err != nil {
			return nil, err
		}
	}
	request, err := http.NewRequest(o.method, o.url, bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	request.Header["User-Agent"] = nil
	if o.contentType != "" {
		request.Header.Set("Content-Type", o.contentType)
	}
	return request, nil
}

// mapping decides the framing, and leaves out the content-length that HTTP/1.1 would have: Binary HTTP frames its content itself (RFC 9292 s4).
func mapping(chunked bool) binary.RequestFromHTTP {
	return func(from *http.Request) (*binary.Request, error) {
		request, err := binary.DefaultRequestFromHTTP(from)
		if err != nil {
			return nil, err
		}
		request.Header.Del("Content-Length")
		request.KnownLength = !chunked
		request.ContentLength = from.ContentLength
		return request, nil
	}
}
