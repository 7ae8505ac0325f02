// What strangers write into a request to the admin listener: no text ends the process, and none opens the gate.

import Bytes
import Configuration
import HTTP
import OpenSSL
import Policy
import Testing

@testable import Server

@Suite struct `Whatever is written into a request` {
    private static let pieces = [
        "application/openmetrics-text", "text/plain", ";", ",", "=", "q", "q=0.5", "q=-1", "q=nan", "q=inf",
        "version=1.0.0",
        " ", "\t", "\"", "routes", "offset", "sort", "filter", "&", "%", "%2", "%41", "%FF", "+",
        "9223372036854775808",
        "-9223372036854775809", "é", "\u{0}", "Bearer", "Basic", "bearer ", "basic ", "YTpi", "====", ":",
        "localhost",
        "[::1", "]", "[", "127.0.0.1", "http://", "null", "same-origin", "cross-site",
    ]

    private static func texts(_ count: Int) -> [String] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in
            (0..<Int.random(in: 0...8)).map { _ in pieces.randomElement(using: &generator) ?? "" }.joined()
        }
    }

    @Test func `a format and a question come of it`() {
        for text in Self.texts(5000) {
            _ = MetricsFormat(accepting: text)
            let query = StatusQuery(text)
            #expect((0...StatusQuery.maximumRoutes).contains(query.routes), "\(text)")
            #expect(query.offset >= 0, "\(text)")
            #expect(query.filter.utf8.count <= 3 * StatusQuery.maximumFilter, "\(text)")
        }
    }

    @Test func `the gate stays closed without the token`() {
        let token = SecureRandom.bytes(count: 32)
        let gate = AdminGate(
            AdminSettings(
                listener: Listener(address: "127.0.0.1:9901", purpose: .admin),
                hosts: ["localhost"],
                tokenDigest: SHA256.digest(of: token.span)
            )
        )
        var judged = 0
        for text in Self.texts(5000) {
            guard let request = try? head("/metrics", ["Authorization: \(text)"]) else { continue }
            judged += 1
            let isRefused = gate.refusal(of: request, mayBeLinked: true) != nil
            #expect(isRefused, "\(text)")
        }
        #expect(judged > 500)
    }

    @Test func `the gate stays closed for other hosts`() {
        let gate = AdminGate(
            AdminSettings(
                listener: Listener(address: "127.0.0.1:9901", purpose: .admin),
                hosts: ["admin.internal"]
            )
        )
        for text in Self.texts(5000) {
            guard let request = try? head("/metrics", host: text) else { continue }
            let isRefused = gate.refusal(of: request, mayBeLinked: true) != nil
            #expect(isRefused, "\(text)")
        }
    }
}
