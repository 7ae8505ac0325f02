// Handshakes that succeed, and what they agree on.

import Bytes
import OpenSSL
import Testing

@Suite struct HandshakeTests {
    let world = TestWorld()

    @Test(arguments: TLSVersion.allCases)
    func `shakes hands and carries data both ways`(minimum: TLSVersion) throws {
        var connection = try TestConnection(world.client(), world.server(minimum: minimum))
        connection.shakeHands()
        try #require(connection.clientFailure == nil)
        try #require(connection.serverFailure == nil)
        let isEstablished = connection.isEstablished
        #expect(isEstablished)
        let version = connection.server.versionName
        #expect(version == "TLSv1.3")
        try connection.send(Array("hello".utf8))
        let received = connection.takeServerReceived()
        #expect(received == Array("hello".utf8))
        try connection.answer(Array("welcome".utf8))
        let answer = connection.takeClientReceived()
        #expect(answer == Array("welcome".utf8))
    }
}
