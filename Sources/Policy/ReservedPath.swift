// Paths that no route may have: at load and at each request, by the same function.

internal import Bytes

/// The paths that belong to the gateway, or to authorization servers that clients mistake it for.
public enum ReservedPath {
    /// First segments to which clients of 2025-03-26 fall back for authorization. A gateway that routed them would
    /// hand codes and secrets to a server.
    private static let firstSegments: [StaticString] = ["authorize", "token", "register", "revoke", "oauth"]

    /// The reserved part of `path`, nil if there is none.
    ///
    /// That is `.well-known` anywhere, as some clients append the well-known part to a resource's path, and the
    /// endpoints of an authorization server at the root.
    public static func reserved(in path: borrowing Span<UInt8>) -> String? {
        var start = 1
        while start <= path.count {
            let end = path.firstIndex(of: UInt8(ascii: "/"), from: start) ?? path.count
            let segment = path.extracting(start..<end)
            if segment.equalsIgnoringCase(".well-known") { return "/.well-known" }
            if start == 1 {
                for name in firstSegments where segment.equals(name) { return "/\(name)" }
            }
            start = end + 1
        }
        return nil
    }
}
