// Which certificates stand side by side for which name.

/// The sets of identities that handshakes choose from: for each name, the first identity of each kind of key.
struct CertificateChoice {
    /// Each set once; the first is that of the first identity.
    private(set) var sets: [[CertificateIdentity]] = []

    /// Which of the sets a name has. Wildcards stand as "*.rest".
    private(set) var setByName: [String: Int] = [:]

    init(_ identities: [CertificateIdentity]) {
        guard let first = identities.first else { return }
        let standIn =
            first.names.first.map { name in identities.filter { $0.names.contains(name) } } ?? [first]
        _ = index(of: standIn)
        for name in identities.flatMap(\.names) where setByName[name] == nil {
            setByName[name] = index(of: identities.filter { $0.names.contains(name) })
        }
    }

    private mutating func index(of candidates: [CertificateIdentity]) -> Int {
        var members: [CertificateIdentity] = []
        for candidate in candidates where !members.contains(where: { $0.keyType == candidate.keyType }) {
            members.append(candidate)
        }
        if let index = sets.firstIndex(where: { $0.elementsEqual(members, by: ===) }) { return index }
        sets.append(members)
        return sets.count - 1
    }
}
