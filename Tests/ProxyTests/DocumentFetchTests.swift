// Where documents come from, and over what.

import Policy
import Testing

@testable import Proxy

@Suite struct `A fetch of a document` {
    /// The metadata of an http issuer on loopback may name an https address of keys, for which there are no settings.
    @Test func `by https without settings of TLS sends nothing at all`() throws {
        let server = try ScriptedServer { peer, _, server in
            _ = server.request(from: peer)
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"keys\":[]}")
        }
        #expect(throws: FetchError.self) {
            try DocumentFetch.get("https://127.0.0.1:\(server.port)/keys", tls: nil)
        }
        #expect(server.requests.isEmpty)
        #expect(try DocumentFetch.get("http://127.0.0.1:\(server.port)/keys", tls: nil).body.count == 11)
    }
}
