// What is sent before a round of the worker ends, all at once, and the memory for it.

internal import Bytes

extension Worker {
    /// Most octets of an answer that wait for the end of the round.
    private static let dueAnswer = 16 * 1024
    /// Most bytes of memory for output that are kept in one buffer.
    private static let keptOutput = 16 * 1024

    /// Lets a connection to a server send its request before this round ends. A server that sleeps is woken by the first
    /// request, and is awake for those that follow at once: to wake it costs more than to send.
    func makeDue(_ upstream: UpstreamStream) {
        // A large body is sent from where it is.
        guard upstream.channel != nil, upstream.exchange?.hasSentRequest == true else {
            return flush(upstream)
        }
        guard !upstream.isDue else { return }
        upstream.isDue = true
        dueUpstreams.append(upstream)
    }

    /// Lets the connection of a client send its answer, or a part of it, before this round ends.
    func makeDue(_ client: ClientStream) {
        guard client.channel != nil, client.backlog <= Self.dueAnswer else { return flush(client) }
        guard !client.isDue else { return }
        client.isDue = true
        dueClients.append(client)
    }

    /// Lets a connection of HTTP/2 send before this round ends.
    func makeDue(_ connection: HTTP2Connection) {
        guard !connection.isDue else { return }
        connection.isDue = true
        dueConnections.append(connection)
    }

    /// Sends what all connections have gathered, and what comes up meanwhile.
    func flushDue() {
        while true {
            if let connection = dueConnections.popLast() {
                connection.isDue = false
                if connections.http2(connection.id) != nil { flush(connection) }
            } else if let upstream = dueUpstreams.popLast() {
                upstream.isDue = false
                if connections.upstream(upstream.id) === upstream { flush(upstream) }
            } else if let client = dueClients.popLast() {
                client.isDue = false
                if connections.client(client.id) === client { flush(client) }
            } else {
                return
            }
        }
    }

    // MARK: - Memory

    /// Gives a buffer without memory one of the worker's, until its message has left.
    func lendOutput(to buffer: inout ByteBuffer) {
        guard buffer.capacity == 0, spareOutputs > 0 else { return }
        spareOutputs -= 1
        swap(&buffer, &outputs[spareOutputs])
    }

    /// The same for a connection of HTTP/1.1; streams of HTTP/2 have their output elsewhere.
    func lendOutput(to client: ClientStream) {
        if client.channel != nil { lendOutput(to: &client.output) }
    }

    /// Takes the memory of a buffer back, which is empty: a connection holds none while it is idle.
    func takeBackOutput(of buffer: inout ByteBuffer) {
        guard buffer.capacity > 0 else { return }
        guard spareOutputs < outputs.count, buffer.capacity <= Self.keptOutput else {
            return buffer.release()
        }
        swap(&buffer, &outputs[spareOutputs])
        spareOutputs += 1
    }
}
