package dev.headwater.onnx.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.FunctionProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Replaces calls of a model's own functions in its main graph by their bodies, so that the layers
 * inside can be seen. A function written for another opset than the model's stays a call.
 */
public final class Functions {
  /** A file of a few kilobytes can call functions that call functions into the billions. */
  private static final int MOST_NODES = 500_000;

  /** Nor need a function have a node in the end. */
  private static final int MOST_CALLS = MOST_NODES;

  static final int DEEPEST = 64;

  private final Map<String, FunctionProto> functions = new HashMap<>();
  private final Map<String, Long> opsets = new LinkedHashMap<>();
  private final List<NodeProto> nodes = new ArrayList<>();
  private final Set<String> taken = new HashSet<>();
  private int calls;

  private Functions(ModelProto model) {
    model.getOpsetImportList().forEach(o -> opsets.put(domain(o.getDomain()), o.getVersion()));
    for (FunctionProto function : model.getFunctionsList()) {
      functions.put(
          key(function.getDomain(), function.getName(), function.getOverload()), function);
    }
  }

  /** The model with its main graph spelt out; empty if that would be endless. */
  public static Optional<ModelProto> inlined(ModelProto model) {
    if (model.getFunctionsCount() == 0) {
      return Optional.of(model);
    }
    Functions inliner = new Functions(model);
    inliner.noteNames(model.getGraph());
    for (NodeProto node : model.getGraph().getNodeList()) {
      if (!inliner.expand(node, 0)) {
        return Optional.empty();
      }
    }
    GraphProto.Builder graph = model.getGraph().toBuilder().clearNode().addAllNode(inliner.nodes);
    ModelProto.Builder result = model.toBuilder().setGraph(graph).clearOpsetImport();
    inliner.opsets.forEach(
        (domain, version) ->
            result.addOpsetImport(
                OperatorSetIdProto.newBuilder().setDomain(domain).setVersion(version)));
    return Optional.of(result.build());
  }

  private static String domain(String name) {
    return name.equals("ai.onnx") ? "" : name;
  }

  private static String key(String domain, String name, String overload) {
    return domain(domain) + '\0' + name + '\0' + overload;
  }

  private void noteNames(GraphProto graph) {
    graph.getInputList().forEach(input -> taken.add(input.getName()));
    graph.getInitializerList().forEach(tensor -> taken.add(tensor.getName()));
    graph.getNodeList().forEach(node -> taken.addAll(node.getOutputList()));
  }

  private boolean expand(NodeProto node, int depth) {
    if (depth > DEEPEST || nodes.size() > MOST_NODES || calls > MOST_CALLS) {
      return false;
    }
    FunctionProto function =
        functions.get(key(node.getDomain(), node.getOpType(), node.getOverload()));
    if (function == null || !sameOpsets(function)) {
      return nodes.add(node);
    }
    Map<String, String> names = names(node, function);
    Map<String, AttributeProto> attributes = attributes(node, function);
    for (NodeProto inner : function.getNodeList()) {
      if (!expand(bound(inner, names, attributes), depth + 1)) {
        return false;
      }
    }
    return true;
  }

  /** Whether the body means the same in the model; imports the domains that only it uses. */
  private boolean sameOpsets(FunctionProto function) {
    for (OperatorSetIdProto opset : function.getOpsetImportList()) {
      Long version = opsets.get(domain(opset.getDomain()));
      if (version != null && version != opset.getVersion()) {
        return false;
      }
    }
    function
        .getOpsetImportList()
        .forEach(opset -> opsets.putIfAbsent(domain(opset.getDomain()), opset.getVersion()));
    return true;
  }

  private Map<String, String> names(NodeProto call, FunctionProto function) {
    Map<String, String> names = new HashMap<>();
    for (int i = 0; i < function.getInputCount(); i++) {
      names.put(function.getInput(i), i < call.getInputCount() ? call.getInput(i) : "");
    }
    for (int i = 0; i < function.getOutputCount(); i++) {
      String actual = i < call.getOutputCount() ? call.getOutput(i) : "";
      if (!actual.isEmpty()) {
        names.put(function.getOutput(i), actual);
      }
    }
    int number = ++calls;
    defined(function.getNodeList())
        .forEach(own -> names.computeIfAbsent(own, n -> fresh(function.getName(), number, n)));
    return names;
  }

  private String fresh(String function, int number, String name) {
    return fresh(function + "/" + number + "/" + name, taken);
  }

  /** A name that is not taken, and is from now on. */
  static String fresh(String wish, Set<String> taken) {
    String fresh = wish;
    while (!taken.add(fresh)) {
      fresh += "_";
    }
    return fresh;
  }

  /** The node, and what its subgraphs capture, under other names; those not listed stay. */
  public static NodeProto renamed(NodeProto node, Map<String, String> names) {
    return bound(node, names, Map.of());
  }

  static Set<String> defined(Collection<NodeProto> body) {
    Set<String> names = new HashSet<>();
    for (NodeProto node : body) {
      names.addAll(node.getOutputList());
      for (GraphProto inner : Graph.attributeGraphs(node)) {
        inner.getInputList().forEach(input -> names.add(input.getName()));
        inner.getInitializerList().forEach(tensor -> names.add(tensor.getName()));
        names.addAll(defined(inner.getNodeList()));
      }
    }
    names.remove("");
    return names;
  }

  private static Map<String, AttributeProto> attributes(NodeProto call, FunctionProto function) {
    Map<String, AttributeProto> attributes = new HashMap<>();
    function.getAttributeProtoList().forEach(given -> attributes.put(given.getName(), given));
    call.getAttributeList().forEach(given -> attributes.put(given.getName(), given));
    return attributes;
  }

  private static NodeProto bound(
      NodeProto node, Map<String, String> names, Map<String, AttributeProto> attributes) {
    NodeProto.Builder bound =
        node.toBuilder().clearName().clearInput().clearOutput().clearAttribute();
    node.getInputList().forEach(input -> bound.addInput(names.getOrDefault(input, input)));
    node.getOutputList().forEach(output -> bound.addOutput(names.getOrDefault(output, output)));
    for (AttributeProto attribute : node.getAttributeList()) {
      AttributeProto given = attributes.get(attribute.getRefAttrName());
      if (attribute.getRefAttrName().isEmpty()) {
        bound.addAttribute(bound(attribute, names, attributes));
      } else if (given != null) { // an attribute that nobody gives is left to its default
        bound.addAttribute(given.toBuilder().setName(attribute.getName()));
      }
    }
    return bound.build();
  }

  private static AttributeProto bound(
      AttributeProto attribute, Map<String, String> names, Map<String, AttributeProto> given) {
    AttributeProto.Builder bound = attribute.toBuilder();
    if (attribute.hasG()) {
      bound.setG(bound(attribute.getG(), names, given));
    }
    for (int i = 0; i < attribute.getGraphsCount(); i++) {
      bound.setGraphs(i, bound(attribute.getGraphs(i), names, given));
    }
    return bound.build();
  }

  private static GraphProto bound(
      GraphProto graph, Map<String, String> names, Map<String, AttributeProto> given) {
    GraphProto.Builder bound = graph.toBuilder().clearNode().clearValueInfo();
    graph.getNodeList().forEach(node -> bound.addNode(bound(node, names, given)));
    bound.getInputBuilderList().forEach(value -> rename(value, names));
    bound.getOutputBuilderList().forEach(value -> rename(value, names));
    bound
        .getInitializerBuilderList()
        .forEach(tensor -> tensor.setName(names.getOrDefault(tensor.getName(), tensor.getName())));
    return bound.build();
  }

  private static void rename(ValueInfoProto.Builder value, Map<String, String> names) {
    value.setName(names.getOrDefault(value.getName(), value.getName()));
  }
}
