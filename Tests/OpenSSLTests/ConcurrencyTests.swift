// Many threads with the same contexts.

import Bytes
import Testing

@testable import OpenSSL

@Suite struct ConcurrencyTests {
    @Test func `serves several threads while keys turn`() async throws {
        let world = TestWorld()
        let leaves = [world.leaf("DNS:a.example"), world.leaf("DNS:*.b.example")]
        let server = try world.server(leaves, clientAuthorities: world.anchors(), clientMode: .request)
        let identity = unsafe try TestAuthority("client", issuer: world.root).identity(requiresNames: false)
        let client = try world.client(identity: identity)
        let resumed = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<8 {
                group.addTask {
                    try Self.run(client, server, name: number % 2 == 0 ? "a.example" : "x.b.example")
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(resumed > 100)
    }

    private static func run(_ client: ClientTLSContext, _ server: ServerTLSContext, name: String) throws
        -> Int
    {
        var resumption: TLSResumption?
        var resumed = 0
        for turn in 0..<40 {
            var connection = try TestConnection(client, server, name: name, resuming: resumption)
            connection.shakeHands()
            try connection.send([1, 2, 3])
            let received = connection.takeServerReceived()
            #expect(received == [1, 2, 3])
            if connection.server.isResumed { resumed += 1 }
            resumption = connection.client.takeResumption()
            if turn % 20 == 19 { server.rotateTicketKeys() }
        }
        return resumed
    }
}
