// One JSON-RPC message as MCP allows it.

internal import JSON

/// A single message that a client posted.
struct RPCMessage: Sendable {
    /// `id` of a request, nil for a notification or a response.
    let id: JSONValue?
    /// The method, nil for a response.
    let method: String?
    /// The parameters, nil if there are none.
    let params: JSONObject?

    /// Takes a JSON object that is a request, a notification or a response; nil for anything else.
    init?(_ value: JSONValue) {
        guard let object = value.object, object["jsonrpc"]?.string == "2.0" else { return nil }
        let id = object["id"]
        guard id == nil || id?.string != nil || id?.number?.integer != nil else { return nil }
        guard let method = object["method"] else {
            guard id != nil, object["result"] != nil || object["error"] != nil else { return nil }
            self.id = nil
            self.method = nil
            params = nil
            return
        }
        guard let method = method.string, object["params"] == nil || object["params"]?.object != nil else {
            return nil
        }
        self.id = id
        self.method = method
        params = object["params"]?.object
    }

    /// The member `name` of `params._meta`.
    func meta(_ name: String) -> JSONValue? {
        params?["_meta"]?.object?[name]
    }
}
