// Metrics as text, in both formats.

import Bytes
import JOSE
import Policy
import Testing

@testable import Proxy
@testable import Server

@Suite struct `Metrics as text` {
    private static func text(_ format: MetricsFormat, _ write: (inout MetricsText) -> Void) -> String {
        var text = MetricsText(format)
        write(&text)
        let octets = text.finish()
        return String(lossy: octets.span)
    }

    @Test func `name counters as each format wants it`() {
        let write = { (text: inout MetricsText) in
            text.family("a_b", .counter, "What.")
            text.sample(3)
            text.sample(4, ["x": "y", "z": ""])
        }
        #expect(
            Self.text(.prometheus, write) == """
                # HELP a_b_total What.
                # TYPE a_b_total counter
                a_b_total 3
                a_b_total{x="y",z=""} 4

                """
        )
        #expect(
            Self.text(.openMetrics, write) == """
                # HELP a_b What.
                # TYPE a_b counter
                a_b_total 3
                a_b_total{x="y",z=""} 4
                # EOF

                """
        )
    }

    @Test func `say units and infos to OpenMetrics`() {
        let write = { (text: inout MetricsText) in
            text.family("a_seconds", .counter, "What.", unit: "seconds")
            text.sample(microseconds: 61_000_042)
            text.family("b", .info, "Which.")
            text.sample(1, ["v": "1"])
        }
        #expect(
            Self.text(.prometheus, write) == """
                # HELP a_seconds_total What.
                # TYPE a_seconds_total counter
                a_seconds_total 61.000042
                # HELP b_info Which.
                # TYPE b_info gauge
                b_info{v="1"} 1

                """
        )
        #expect(
            Self.text(.openMetrics, write) == """
                # HELP a_seconds What.
                # TYPE a_seconds counter
                # UNIT a_seconds seconds
                a_seconds_total 61.000042
                # HELP b Which.
                # TYPE b info
                b_info{v="1"} 1
                # EOF

                """
        )
    }

    @Test func `escape what labels must not hold`() {
        let text = Self.text(.prometheus) { text in
            text.family("a", .gauge, "What.")
            text.sample(-1, ["x": "a\"b\\c\nd{}=,é"])
        }
        #expect(text.contains(#"a{x="a\"b\\c\nd{}=,é"} -1"#))
    }

    @Test func `write histograms that add up`() {
        let text = Self.text(.prometheus) { text in
            text.family("h_seconds", .histogram, "What.", unit: "seconds")
            text.histogram(
                bounds: [500, 1_000_000, 2_500_000],
                counts: [1, 0, 2, 4][...],
                sum: 1_500_000,
                ["r": "x"]
            )
        }
        #expect(
            text == """
                # HELP h_seconds What.
                # TYPE h_seconds histogram
                h_seconds_bucket{r="x",le="0.0005"} 1
                h_seconds_bucket{r="x",le="1.0"} 1
                h_seconds_bucket{r="x",le="2.5"} 3
                h_seconds_bucket{r="x",le="+Inf"} 7
                h_seconds_sum{r="x"} 1.500000
                h_seconds_count{r="x"} 7

                """
        )
    }

    /// A whole document: a hostile name, a worker that says nothing, and a route that was never asked for.
    @Test(arguments: MetricsFormat.allCases)
    func `have each family once, and each sample once`(_ format: MetricsFormat) throws {
        var publisher = Publisher()
        let publication = publisher.publish(try Scene.snapshot(["a", "b"]))
        let worker = CountingWorker(publication)
        worker.count("a", times: 2)
        worker.count("a", .token(.expired))
        worker.count(nil, .access(.hostUnknown))
        worker.replay(from: "a", to: "b")
        let issuer = IssuerState(
            name: "co\"rp\n",
            issuer: "https://as.example",
            condition: .down,
            problem: "x"
        )
        let observation = Scene.observation(publication, [worker.report, nil], issuers: [issuer])
        var ledger = MetricsLedger()
        ledger.book(observation, limit: 100)
        let octets = MetricsDocument.text(of: observation, ledger, format)
        let lines = String(lossy: octets.span).split(separator: "\n")
        let types = lines.filter { $0.hasPrefix("# TYPE ") }.compactMap {
            $0.split(separator: " ").dropFirst(2).first
        }
        #expect(Set(types).count == types.count)
        let samples = lines.filter { !$0.hasPrefix("#") }.compactMap {
            $0.split(separator: " ").dropLast().joined()
        }
        #expect(Set(samples).count == samples.count)
        #expect(lines.contains(#"audgate_worker_up{worker="1"} 0"#))
        #expect(lines.contains(#"audgate_worker_up{worker="0"} 1"#))
        let allowed =
            #"audgate_requests_total{route="https://gw.example/a",decision="allow",reason="allowed"} 2"#
        #expect(lines.contains { $0 == allowed })
        #expect(lines.contains { $0.contains(#"route="none",decision="refuse",reason="host_unknown"} 1"#) })
        #expect(lines.contains { $0.contains(#"audgate_issuers{state="down"} 1"#) })
        #expect(lines.contains { $0.contains(#"{issuer="co\"rp\n"}"#) })
        #expect((lines.last == "# EOF") == (format == .openMetrics))
    }
}
