package dev.headwater.bundle;

import dev.headwater.onnx.ElementType;
import dev.headwater.onnx.LinearLayer;
import dev.headwater.onnx.OnnxException;
import dev.headwater.onnx.OnnxFile;
import dev.headwater.onnx.Parameter;
import dev.headwater.onnx.Split;
import dev.headwater.onnx.TensorInfo;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The bundle's network, split where the manifest says.
 *
 * @param inputs of the network as exported
 */
record Graph(List<TensorInfo> inputs, Split split) {

  /** Null where the network cannot be used; {@code problems} says why, under its key. */
  static @Nullable Graph read(Manifest manifest, List<String> problems) {
    OnnxFile file;
    try {
      file = OnnxFile.read(manifest.model());
    } catch (OnnxException e) {
      problems.add("model: " + e.getMessage());
      return null;
    }
    try {
      Split split = manifest.original() ? file.split(manifest.cut()) : encoder(file, manifest);
      if (split.features().size() == 1 && split.dim() > 0) {
        return new Graph(file.inputs(), split);
      }
      problems.add(
          "cut: the features at " + split.features() + " are not one plain vector a record");
    } catch (OnnxException e) {
      problems.add("cut: " + e.getMessage());
    }
    return null;
  }

  /** The whole network as a feature extractor, pooled where it stops at hidden states. */
  private static Split encoder(OnnxFile file, Manifest manifest) throws OnnxException {
    if (!(manifest.input() instanceof Manifest.Text text) || !text.pooling()) {
      return file.headless(features(file, manifest.cut(), 2));
    }
    String hidden = features(file, manifest.cut(), 3);
    OnnxFile pooled = file.withMeanPooling(hidden, TextDecoder.MASK, text.normalize());
    return pooled.headless(pooled.outputs().get(0).name());
  }

  /** The tensor named, or the only float output of this rank. */
  private static String features(OnnxFile file, String cut, int rank) throws OnnxException {
    if (!cut.equals("auto")) {
      return cut;
    }
    List<TensorInfo> fitting =
        file.outputs().stream()
            .filter(o -> o.type() == ElementType.FLOAT && o.shape().length == rank)
            .toList();
    if (fitting.size() == 1) {
      return fitting.get(0).name();
    }
    throw new OnnxException(
        "which tensor holds the features? Of rank "
            + rank
            + " there are "
            + fitting.size()
            + " float outputs among "
            + file.outputs().stream().map(TensorInfo::name).toList()
            + "; name one"
            + (rank == 2 ? ", or say pooling: mean where they are hidden states" : ""));
  }

  /** How many labels the network's own head tells apart. */
  void checkLabels(List<String> labels, List<String> problems) {
    LinearLayer linear = split.linear().orElse(null);
    if (linear == null || labels.isEmpty()) {
      return;
    }
    for (Parameter parameter : split.parameters()) {
      if (parameter.name().equals(linear.weight())) {
        long classes = parameter.shape()[linear.classesFirst() ? 0 : 1];
        if (classes < 2) {
          problems.add("model: its head has one output; a label set needs one a label");
        } else if (classes != labels.size()) {
          problems.add(
              "labels: " + labels.size() + " labels for a head with " + classes + " outputs");
        }
      }
    }
  }
}
