// Reads envelopes with Go's own protobuf decoder, the one that stock nodes run: one hex line in, one line out.
// `refused`, or `node sequence ns hex(payer envelope)` and then the target or `refused`.
package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"

	"google.golang.org/protobuf/proto"

	"pennyblack.example/envelopes/pb"
)

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 1<<24)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for in.Scan() {
		bytes, err := hex.DecodeString(in.Text())
		if err != nil {
			panic(err)
		}
		var envelope pb.UnsignedOriginatorEnvelope
		if proto.Unmarshal(bytes, &envelope) != nil {
			fmt.Fprintln(out, "refused")
			continue
		}
		target := "refused"
		var payer pb.PayerEnvelope
		if proto.Unmarshal(envelope.PayerEnvelopeBytes, &payer) == nil {
			target = fmt.Sprint(payer.TargetOriginator)
		}
		fmt.Fprintf(out, "%d %d %d x%x %s\n", envelope.OriginatorNodeId, envelope.OriginatorSequenceId,
			envelope.OriginatorNs, envelope.PayerEnvelopeBytes, target)
	}
}
