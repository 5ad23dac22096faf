/// How many elements `extents` hold together: the one product of sizes that come from outside, so that none of them
/// overflows. Nil if an extent is negative, or the product is more than an `Int` holds.
package func elementCount(_ extents: some Sequence<Int>) -> Int? {
    var count = 1
    var isEmpty = false
    var overflows = false
    for extent in extents {
        guard extent >= 0 else { return nil }
        isEmpty = isEmpty || extent == 0
        let (product, overflow) = count.multipliedReportingOverflow(by: extent)
        overflows = overflows || overflow
        count = overflow ? 1 : product
    }
    return isEmpty ? 0 : overflows ? nil : count
}
