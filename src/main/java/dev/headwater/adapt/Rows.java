package dev.headwater.adapt;

import dev.headwater.adapt.fit.Batch;
import dev.headwater.adapt.fit.Pixels;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Samples of several rows, tiles of one record, as rows to train on, and back.
 *
 * @param size of a row's features
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

  /** What was said of rows, put together by sample. */
  List<float[]> together(List<float[]> samples, List<float[]> said) {
    List<float[]> together = new ArrayList<>();
    int row = 0;
    for (float[] sample : samples) {
      int rows = sample.length / size;
      int width = said.get(row).length;
      float[] whole = rows == 1 ? said.get(row) : new float[rows * width];
      for (int i = 0; i < rows && rows > 1; i++) {
        System.arraycopy(said.get(row + i), 0, whole, i * width, width);
      }
      together.add(whole);
      row += rows;
    }
    return together;
  }

  Batch of(Batch batch, Pixels pixels) {
    List<byte[]> classes = new ArrayList<>();
    for (int i = 0; i < batch.size(); i++) {
      int rows = batch.features().get(i).length / size;
      byte[] places = pixels.classes().get(i);
      int width = places.length / rows;
      for (int row = 0; row < rows; row++) {
        classes.add(Arrays.copyOfRange(places, row * width, (row + 1) * width));
      }
    }
    List<float[]> features = of(batch.features());
    return new Batch(
        features,
        new int[features.size()],
        weights(batch, batch.weights()),
        new Pixels(classes, pixels.weights()));
  }

  /** Each row counts what its sample does. */
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
