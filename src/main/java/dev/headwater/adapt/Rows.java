package dev.headwater.adapt;

import dev.headwater.adapt.fit.Batch;
import dev.headwater.adapt.fit.Pixels;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Splits samples of several tiles into one row per tile for training, and joins the results.
 *
 * @param size number of features of a row
 */
record Rows(int size) {
  List<float[]> of(List<float[]> samples) {
    List<float[]> rows = new ArrayList<>();
    for (float[] sample : samples) {
      for (int from = 0; from < sample.length; from += size) {
        rows.add(sample.length == size ? sample : Arrays.copyOfRange(sample, from, from + size));
      }
    }
    return rows;
  }

  /** Joins the logits of rows by sample. */
  List<float[]> together(List<float[]> samples, List<float[]> logits) {
    List<float[]> joined = new ArrayList<>();
    int row = 0;
    for (float[] sample : samples) {
      int rows = sample.length / size;
      int width = logits.get(row).length;
      float[] whole = rows == 1 ? logits.get(row) : new float[rows * width];
      for (int i = 0; i < rows && rows > 1; i++) {
        System.arraycopy(logits.get(row + i), 0, whole, i * width, width);
      }
      joined.add(whole);
      row += rows;
    }
    return joined;
  }

  Batch of(Batch batch, Pixels pixels) {
    List<byte[]> classes = new ArrayList<>();
    for (int i = 0; i < batch.size(); i++) {
      int rows = batch.features().get(i).length / size;
      byte[] pixelClasses = pixels.classes().get(i);
      int width = pixelClasses.length / rows;
      for (int row = 0; row < rows; row++) {
        classes.add(Arrays.copyOfRange(pixelClasses, row * width, (row + 1) * width));
      }
    }
    List<float[]> features = of(batch.features());
    return new Batch(
        features,
        new int[features.size()],
        weights(batch, batch.weights()),
        new Pixels(classes, pixels.weights()));
  }

  /** Returns the weight of each row: that of its sample. */
  double[] weights(Batch batch, double[] weights) {
    List<Double> rows = new ArrayList<>();
    for (int i = 0; i < weights.length; i++) {
      for (int row = 0; row < batch.features().get(i).length / size; row++) {
        rows.add(weights[i]);
      }
    }
    return rows.stream().mapToDouble(Double::doubleValue).toArray();
  }
}
