package dev.headwater.onnx.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.SparseTensorProto;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Replaces each If of the main graph whose condition follows from constants and the sizes of the
 * inputs by the branch that is always taken, so that the layers inside can be seen. PyTorch's older
 * exporter writes one for every squeeze.
 */
public final class Branches {
  private final Graph graph;
  private final GraphProto.Builder spelt;
  private final Set<String> taken = new HashSet<>();

  /** Inner tensors' declared sizes are those of the example exported with: not relied upon. */
  private Branches(GraphProto proto) {
    graph = new Graph(proto.toBuilder().clearValueInfo().build());
    spelt = proto.toBuilder().clearNode();
    Graph.collectNames(proto, taken);
  }

  /**
   * The model with its main graph spelt out.
   *
   * @param model without problems
   */
  public static ModelProto inlined(ModelProto model) {
    ModelProto spelt = model;
    boolean finite = model.getFunctionsCount() == 0; // one may call itself, from a branch
    // one that goes may hold another, or tell of sizes that another waits for
    for (int i = 0; holds(spelt) && (finite || i < Functions.DEEPEST); i++) {
      Optional<GraphProto> graph = new Branches(spelt.getGraph()).spelt();
      if (graph.isEmpty()) {
        return spelt;
      }
      spelt = spelt.toBuilder().setGraph(graph.get()).build();
      spelt = Functions.inlined(spelt).orElse(spelt);
    }
    return spelt;
  }

  private static boolean holds(ModelProto model) {
    return model.getGraph().getNodeList().stream().anyMatch(Branches::chooses);
  }

  private static boolean chooses(NodeProto node) {
    return node.getOpType().equals("If");
  }

  /** The graph an If runs where its condition holds, or does not; empty where it lacks that. */
  public static Optional<GraphProto> branch(NodeProto node, boolean holds) {
    return Graph.attribute(node, holds ? "then_branch" : "else_branch")
        .map(AttributeProto::getG)
        .filter(branch -> branch.getOutputCount() >= node.getOutputCount());
  }

  /** Empty where nothing was inlined. */
  private Optional<GraphProto> spelt() {
    boolean inlined = false;
    for (NodeProto node : graph.proto().getNodeList()) {
      Optional<GraphProto> branch =
          Optional.of(node)
              .filter(Branches::chooses)
              .flatMap(choice -> graph.shapes().truth(choice.getInput(0)))
              .flatMap(holds -> branch(node, holds));
      branch.ifPresentOrElse(chosen -> inline(node, chosen), () -> spelt.addNode(node));
      inlined |= branch.isPresent();
    }
    return inlined ? Optional.of(spelt.build()) : Optional.empty();
  }

  /** Other branches may use the same names for other tensors, so all get new ones. */
  private void inline(NodeProto node, GraphProto branch) {
    Set<String> own = Functions.defined(branch.getNodeList());
    branch.getInitializerList().forEach(tensor -> own.add(tensor.getName()));
    branch.getSparseInitializerList().forEach(sparse -> own.add(sparse.getValues().getName()));
    Map<String, String> names = new HashMap<>();
    own.forEach(name -> names.put(name, Functions.fresh(node.getOutput(0) + "/" + name, taken)));
    branch
        .getInitializerList()
        .forEach(t -> spelt.addInitializer(t.toBuilder().setName(names.get(t.getName()))));
    for (SparseTensorProto sparse : branch.getSparseInitializerList()) {
      SparseTensorProto.Builder renamed = spelt.addSparseInitializerBuilder().mergeFrom(sparse);
      renamed.getValuesBuilder().setName(names.get(sparse.getValues().getName()));
    }
    branch.getNodeList().forEach(inner -> spelt.addNode(Functions.renamed(inner, names)));
    for (int i = 0; i < node.getOutputCount(); i++) {
      String made = branch.getOutput(i).getName();
      spelt.addNode(
          NodeProto.newBuilder()
              .setOpType("Identity")
              .addInput(names.getOrDefault(made, made))
              .addOutput(node.getOutput(i)));
    }
  }
}
