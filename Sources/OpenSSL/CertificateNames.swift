// The names of a certificate, and how a host is compared with them (RFC 9525 §6).

internal import Bytes
internal import COpenSSL
internal import Glibc

/// Reads, normalises and compares names; DNS names are in lower case, addresses as the system writes them.
enum CertificateNames {
    /// DNS names and IP addresses of `subjectAltName`. Names that are no plain ASCII text are left out.
    static func read(_ certificate: borrowing Owned) -> [String] {
        guard
            let names = unsafe Owned(
                audgate_alternative_names(certificate.pointer),
                freedBy: GENERAL_NAMES_free
            )
        else { return [] }
        var found: [String] = []
        for index in 0..<(unsafe audgate_names_count(names.pointer)) {
            var kind: Int32 = 0
            // What the pointer points to belongs to `names`.
            let value = unsafe GENERAL_NAME_get0_value(audgate_names_value(names.pointer, index), &kind)
            guard let value = unsafe value, kind == GEN_DNS || kind == GEN_IPADD else { continue }
            let octets = unsafe self.octets(of: value.assumingMemoryBound(to: ASN1_STRING.self))
            let name = kind == GEN_DNS ? domain(octets) : address(octets)
            if let name, !found.contains(name) { found.append(name) }
        }
        return found
    }

    /// `host` as it is written among names: in lower case and without a dot at its end; addresses in one way.
    static func normalized(_ host: String) -> String {
        if let address = address(of: host) { return address }
        let lower = host.lowercased()
        return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
    }

    /// The wildcard that covers `host`: "*" for its first label. Nil for addresses and single labels.
    static func wildcard(for host: String) -> String? {
        guard let dot = host.firstIndex(of: "."), dot != host.startIndex, address(of: host) == nil else {
            return nil
        }
        return "*" + host[dot...]
    }

    /// The one spelling of the IP address that `host` is; nil if it is none.
    static func address(of host: String) -> String? {
        guard host.utf8.allSatisfy({ $0 != 0 }) else { return nil }
        var bytes = [UInt8](repeating: 0, count: 16)
        if unsafe inet_pton(AF_INET, host, &bytes) == 1 { return address(Array(bytes.prefix(4))) }
        if unsafe inet_pton(AF_INET6, host, &bytes) == 1 { return address(bytes) }
        return nil
    }

    private static func domain(_ octets: [UInt8]) -> String? {
        let isPlain = octets.allSatisfy { $0 > 0x20 && $0 < 0x7F }
        guard isPlain, !octets.isEmpty, octets.count <= 253 else { return nil }
        return String(lossy: octets.span).lowercased()
    }

    private static func address(_ octets: [UInt8]) -> String? {
        guard octets.count == 4 || octets.count == 16 else { return nil }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = octets.count == 4 ? AF_INET : AF_INET6
        guard unsafe inet_ntop(family, octets, &text, socklen_t(text.count)) != nil else { return nil }
        let characters = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return String(lossy: characters.span)
    }

    @unsafe
    private static func octets(of string: UnsafePointer<ASN1_STRING>) -> [UInt8] {
        let count = unsafe Int(ASN1_STRING_length(string))
        guard count > 0, let start = unsafe ASN1_STRING_get0_data(string) else { return [] }
        return unsafe Array(UnsafeBufferPointer(start: start, count: count))
    }
}
