// Whether a token may do what is asked.

internal import Bytes

/// Scopes, with those that they imply.
public enum ScopeRule {
    /// The scopes of `required` that `granted` neither has nor implies, in their order.
    public static func missing(
        _ required: [String],
        from granted: [String],
        implications: [String: Set<String>]
    ) -> [String] {
        guard !required.isEmpty else { return [] }
        return required.filter { scope in
            !granted.contains { $0.isIdentical(to: scope) || implies($0, scope, implications) }
        }
    }

    private static func implies(_ held: String, _ scope: String, _ implications: [String: Set<String>])
        -> Bool
    {
        // Dictionaries compare characters, not octets: the key that was found must be the scope that is held.
        guard let index = implications.index(forKey: held) else { return false }
        return implications[index].key.isIdentical(to: held) && implications[index].value.contains(scope)
    }
}
