// The two sides of a handshake.

/// Which side a session is on, with what it needs there.
enum TLSSide {
    case server(ServerTLSContext)
    case client(ClientTLSContext)
}
