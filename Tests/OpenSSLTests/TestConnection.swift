// Two sessions that talk to each other in memory.

import Bytes
import OpenSSL

/// A client and a server, and what each has received.
struct TestConnection: ~Copyable {
    var client: TLSSession
    var server: TLSSession
    var toServer = ByteBuffer()
    var toClient = ByteBuffer()
    var clientReceived = ByteBuffer()
    var serverReceived = ByteBuffer()
    var clientFailure: TLSFailure?
    var serverFailure: TLSFailure?

    init(_ client: consuming TLSSession, _ server: consuming TLSSession) {
        self.client = client
        self.server = server
    }

    init(
        _ client: ClientTLSContext,
        _ server: ServerTLSContext,
        name: String = "a.example",
        resuming: TLSResumption? = nil
    ) throws {
        self.init(try client.makeSession(serverName: name, resuming: resuming), try server.makeSession())
    }

    /// Begins the handshake, and goes on until nobody has anything to say.
    mutating func shakeHands(step: Int = .max) {
        do throws(TLSFailure) {
            try client.start(replies: &toServer)
        } catch {
            clientFailure = error
        }
        exchange(step: step)
    }

    /// Carries bytes, at most `step` at once, until none are left.
    mutating func exchange(step: Int = .max) {
        while !toServer.isEmpty || !toClient.isEmpty {
            deliverToServer(min(step, toServer.count))
            deliverToClient(min(step, toClient.count))
        }
    }

    mutating func deliverToServer(_ count: Int) {
        guard count > 0 else { return }
        let bytes = Array(copying: toServer.span.extracting(0..<count))
        toServer.consume(count)
        guard serverFailure == nil else { return }
        do throws(TLSFailure) {
            try server.receive(bytes.span, into: &serverReceived, replies: &toClient)
        } catch {
            serverFailure = error
        }
    }

    mutating func deliverToClient(_ count: Int) {
        guard count > 0 else { return }
        let bytes = Array(copying: toClient.span.extracting(0..<count))
        toClient.consume(count)
        guard clientFailure == nil else { return }
        do throws(TLSFailure) {
            try client.receive(bytes.span, into: &clientReceived, replies: &toServer)
        } catch {
            clientFailure = error
        }
    }

    mutating func send(_ text: [UInt8]) throws(TLSFailure) {
        try client.seal(text.span, into: &toServer)
        exchange()
    }

    mutating func answer(_ text: [UInt8]) throws(TLSFailure) {
        try server.seal(text.span, into: &toClient)
        exchange()
    }

    /// What the server has received since the last call.
    mutating func takeServerReceived() -> [UInt8] {
        let bytes = Array(copying: serverReceived.span)
        serverReceived.removeAll()
        return bytes
    }

    /// What the client has received since the last call.
    mutating func takeClientReceived() -> [UInt8] {
        let bytes = Array(copying: clientReceived.span)
        clientReceived.removeAll()
        return bytes
    }

    var isEstablished: Bool { client.isEstablished && server.isEstablished }
}
