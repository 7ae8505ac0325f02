// Which release of the program this is.

/// The release.
public enum Release {
    /// Its version.
    public static let version = "0.1.0"
}
