// The status page.
