// What libFuzzer calls; `scripts/fuzz` compiles it with one set of invariants, which it names `FuzzTarget`.

/// Stops the process when `FuzzTarget` finds a broken invariant.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    // libFuzzer keeps `count` octets at `start` alive and unchanged during the call.
    let input = unsafe Span(_unsafeStart: start, count: count)
    if let invariant = FuzzTarget.broken(by: input) { fatalError(invariant) }
    return 0
}
