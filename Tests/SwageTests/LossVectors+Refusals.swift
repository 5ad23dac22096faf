import Foundation

/// Programs that do not fit together, each with a single fault.
extension LossVectors {
    static var refused: [RefusedProgram] {
        var rows: [RefusedProgram] = []
        let x: [String: Any] = ["op": "output", "name": "logProbs"]
        let states: [String: Any] = ["op": "output", "name": "hiddenStates"]
        let head: [String: Any] = ["op": "output", "name": "outputHead"]
        /// `nodes` follow a constant, node 0, which is the sum and the denominator.
        func refuse(
            _ name: String, node: Int? = nil, batch: Int = 4, fields: [String: [Int]] = [:],
            changing changes: [String: Any] = [:], _ nodes: [String: Any]...
        ) {
            var program: [String: Any] = ["format": "swage.loss", "version": 1, "name": name, "sum": 0, "denominator": 0]
            program["metrics"] = [[String: Any]]()
            program["nodes"] = [["op": "constant", "value": 1] as [String: Any]] + nodes
            rows.append(RefusedProgram(program: program.merging(changes) { $1 }, node: node, batch: batch, fields: fields))
        }
        /// What an operation makes of node 1, `[batch, sequence]`.
        func misuse(_ name: String, _ operation: String, _ rest: [String: Any] = [:]) {
            let node: [String: Any] = ["op": operation, "of": [1]]
            refuse(name, node: 2, x, node.merging(rest) { $1 })
        }
        func metric(_ node: Int, _ kind: String) -> [String: Any] { ["name": "m", "node": node, "kind": kind] }
        func field(_ name: String, _ shape: [Any]) -> [String: Any] { ["op": "field", "name": name, "shape": shape] }

        refuse("another format", changing: ["format": "other.loss"])
        refuse("another version", changing: ["version": 2])
        refuse("a key that means nothing", changing: ["author": "me"])
        refuse("a key that is null", changing: ["denominator": NSNull()])
        refuse("a name with a control character", changing: ["name": "a\u{9f}b"])
        refuse("no nodes", changing: ["nodes": [Any]()])
        refuse("no metrics", changing: ["metrics": NSNull()])
        refuse("a sum that is no node", changing: ["sum": 1])
        refuse("a sum that is no scalar", changing: ["sum": 1], x)
        refuse("a denominator that is no scalar", changing: ["denominator": 1], x)
        refuse("a metric that is no scalar", changing: ["metrics": [metric(1, "sum")]], x)
        refuse("a metric of another kind", changing: ["metrics": [metric(0, "median")]])
        refuse("a mean that is over nothing", changing: ["metrics": [metric(0, "mean")]])
        refuse("two metrics of one name", changing: ["metrics": [metric(0, "sum"), metric(0, "sum")]])

        refuse("an operation that there is not", node: 2, x, ["op": "median", "of": [1]])
        refuse("an output that there is not", node: 1, ["op": "output", "name": "losses"])
        refuse("a leaf with operands", node: 1, ["op": "constant", "value": 1, "of": [0]])
        refuse("no operands", node: 1, ["op": "negate"])
        refuse("too few operands", node: 2, x, ["op": "add", "of": [1]])
        refuse("too many operands", node: 2, x, ["op": "negate", "of": [1, 1]])
        refuse("a node that reads itself", node: 1, ["op": "negate", "of": [1]])
        refuse("a node with a key that means nothing", node: 1, ["op": "negate", "of": [0], "comment": ""])
        refuse("a constant without a value", node: 1, ["op": "constant"])
        refuse("power without a value", node: 1, ["op": "power", "of": [0]])
        refuse("an axis of length 0", node: 1, field("f", [0]))
        refuse("an axis that there is not", node: 1, field("f", ["tokens"]))
        refuse("nine axes", node: 1, fields: ["f": [Int](repeating: 1, count: 9)], field("f", [Int](repeating: 1, count: 9)))
        refuse("too large fixed axes", node: 1, field("f", [1024, 1025]))

        refuse("batch and sequence do not meet", node: 3, x, ["op": "transpose", "of": [1]], ["op": "add", "of": [1, 2]])
        refuse(
            "batch and its length do not meet", node: 3, fields: ["f": [4, 3]],
            x, field("f", [4, 3]), ["op": "add", "of": [1, 2]])
        misuse("sum along an axis that there is not", "sum", ["axis": 2])
        misuse("sum along no axis", "sum")
        misuse("sum along an axis below 0", "sum", ["axis": -1])
        misuse("sum along a broken axis", "sum", ["axis": 0.5])
        misuse("cumulativeSum that is neither reversed nor not", "cumulativeSum", ["axis": 0, "reverse": 1])
        misuse("insertAxis too far", "insertAxis", ["axis": 3])
        misuse("removeAxis of an axis that is not 1", "removeAxis", ["axis": 0])
        misuse("take from an axis with a name", "take", ["axis": 0, "index": 0])
        refuse(
            "take too far", node: 2, fields: ["f": [2]],
            field("f", [2]), ["op": "take", "of": [1], "axis": 0, "index": 2])
        misuse("place in an axis with a name", "place", ["axis": 0, "index": 0, "shape": ["batch"]])
        misuse("place too far", "place", ["axis": 0, "index": 2, "shape": [2]])
        misuse("sumTo another axis", "sumTo", ["shape": ["vocabulary"]])
        misuse("broadcastTo fewer axes", "broadcastTo", ["shape": ["sequence"]])
        misuse("joinPairs of what is no pair", "joinPairs")
        refuse("splitPairs of something else", node: 2, head, ["op": "splitPairs", "of": [1]])
        refuse("segmentSum of something else", node: 2, states, ["op": "segmentSum", "of": [1]])
        refuse("gather where other axes differ", node: 3, states, x, ["op": "gather", "of": [1, 2]])
        refuse("scatter by ids of another shape", node: 3, states, x, ["op": "scatter", "of": [1, 2], "shape": [2]])
        refuse("scatter without a shape", node: 2, x, ["op": "scatter", "of": [1, 1]])
        refuse("matmul of other axes", node: 3, states, head, ["op": "matmul", "of": [1, 2]])
        refuse("outer where other axes differ", node: 3, states, x, ["op": "outer", "of": [1, 2]])

        refuse("targetMask of another shape", node: 1, field("targetMask", ["batch"]))
        refuse("a field of two shapes", node: 2, fields: ["f": [4]], field("f", ["batch"]), field("f", [4]))
        refuse("a field that the batch lacks", field("f", ["batch"]))
        refuse("a field of another shape", fields: ["f": [3]], field("f", ["batch"]))
        refuse("an odd batch in pairs", batch: 3, x, ["op": "splitPairs", "of": [1]])
        return rows
    }
}
