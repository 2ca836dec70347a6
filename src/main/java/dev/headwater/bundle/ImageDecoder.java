package dev.headwater.bundle;

import dev.headwater.bundle.FieldReader.Fields;
import dev.headwater.onnx.TensorInfo;
import dev.headwater.schema.format.ValueReader;
import java.awt.image.BufferedImage;
import java.awt.image.DataBufferByte;
import java.awt.image.IndexColorModel;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Decodes images to one float32 tensor per record, as training pipelines do. Images are rotated
 * upright and converted to grey (ITU-R 601 luma) or RGB; transparency is dropped. Then they are
 * resized with an antialiased triangle filter, centre-cropped, scaled to 0..1 and normalised by
 * channel.
 */
final class ImageDecoder implements RecordDecoder {
  private static final float MAX_SAMPLE = 255;

  /** Layout of the model's image input. */
  private record Frame(String input, int height, int width, int channels, boolean channelsFirst) {
    long[] shape() {
      return channelsFirst
          ? new long[] {channels, height, width}
          : new long[] {height, width, channels};
    }
  }

  private final Frame frame;
  private final Manifest.Image settings;
  private final float[] mean;
  private final float[] std;
  private final FloatRows rows;
  private final String field;
  private final @Nullable FieldReader reader;

  private ImageDecoder(Manifest.Image settings, Frame frame) {
    this.settings = settings;
    this.frame = frame;
    mean = expandPerChannel(settings.mean(), frame.channels(), 0);
    std = expandPerChannel(settings.std(), frame.channels(), 1);
    rows = new FloatRows(frame.input(), frame.shape());
    field = settings.image() == null ? "value" : settings.image();
    reader = FieldReader.ofText(settings.id(), settings.labels(), settings.image());
  }

  /**
   * Returns a decoder, or null if the model does not take one image per record; {@code problems}
   * then has the reason.
   */
  static @Nullable ImageDecoder of(
      Manifest.Image settings, List<TensorInfo> inputs, List<String> problems) {
    TensorInfo input = FloatRows.input(inputs, 4);
    if (input == null) {
      problems.add(
          "input.image: the model must have one float32 input [N, channels, height, width] or [N,"
              + " height, width, channels], N dynamic; found "
              + inputs);
      return null;
    }
    long[] shape = input.shape();
    boolean first = channelsFirst(settings, shape);
    long fixed = shape[first ? 1 : 3];
    int channels = (int) (fixed > 0 ? fixed : settings.channels());
    if (channels == 0) {
      problems.add("input.colours: the model has a dynamic number of channels; set grey or rgb");
      return null;
    }
    if (!isColour(channels)) {
      problems.add("input.image: images have 1 or 3 channels, the model expects " + input);
      return null;
    }
    if (settings.channels() > 0 && settings.channels() != channels) {
      problems.add("input.colours: the model expects %d channels".formatted(channels));
      return null;
    }
    int height = side(first ? shape[2] : shape[1], settings.size(), 0);
    int width = side(first ? shape[3] : shape[2], settings.size(), 1);
    int before = problems.size();
    if (height < 1 || width < 1) {
      problems.add("input.size: the model has a dynamic image size; set [height, width]");
    } else if (settings.size().length > 0
        && (settings.size()[0] != height || settings.size()[1] != width)) {
      problems.add(
          "input.size: the model expects [%d, %d]; another size requires a new head (head: none or dense)"
              .formatted(height, width));
    }
    if (settings.resize() > 0 && settings.resize() < Math.max(height, width)) {
      problems.add(
          "input.resize: must be at least the model's image size, " + height + "x" + width);
    }
    checkChannels("mean", settings.mean(), channels, problems);
    checkChannels("std", settings.std(), channels, problems);
    return problems.size() > before
        ? null
        : new ImageDecoder(settings, new Frame(input.name(), height, width, channels, first));
  }

  /** Returns the input shape [N, ...] with the channels and size that the manifest sets. */
  static long[] wanted(Manifest.Image settings, TensorInfo input) {
    long[] shape = input.shape().clone();
    boolean first = channelsFirst(settings, shape);
    int at = first ? 2 : 1;
    int channel = first ? 1 : 3;
    if (shape[channel] < 1 && settings.channels() > 0) {
      shape[channel] = settings.channels();
    }
    for (int i = 0; i < settings.size().length; i++) {
      shape[at + i] = settings.size()[i];
    }
    return shape;
  }

  /** Returns height and width of the model's input; 0 or less if dynamic. */
  static long[] size(Manifest.Image settings, TensorInfo input) {
    int at = channelsFirst(settings, input.shape()) ? 2 : 1;
    return Arrays.copyOfRange(wanted(settings, input), at, at + 2);
  }

  private static boolean channelsFirst(Manifest.Image settings, long[] shape) {
    // if both axes are dynamic: channels first, as in most models
    return settings.layout() == 0
        ? isColour(shape[1]) || (shape[1] < 1 && !isColour(shape[3]))
        : settings.layout() == 1;
  }

  private static boolean isColour(long channels) {
    return channels == 1 || channels == 3;
  }

  private static int side(long fixed, int[] size, int index) {
    return fixed > 0 ? (int) fixed : size.length > 0 ? size[index] : 0;
  }

  private static void checkChannels(
      String key, float[] values, int channels, List<String> problems) {
    if (values.length > 1 && values.length != channels) {
      problems.add("input.%s: %d numbers for %d channels".formatted(key, values.length, channels));
    }
  }

  private static float[] expandPerChannel(float[] values, int channels, float fallback) {
    float[] all = new float[channels];
    for (int c = 0; c < channels; c++) {
      all[c] = values.length == 0 ? fallback : values[values.length == 1 ? 0 : c];
    }
    return all;
  }

  @Override
  public Decoded decode(byte @Nullable [] value) throws InvalidRecordException {
    return decode(ValueReader.JSON, value);
  }

  @Override
  public boolean readsFields() {
    return reader != null;
  }

  @Override
  public Decoded decode(ValueReader values, byte @Nullable [] value) throws InvalidRecordException {
    if (reader == null) {
      return new Decoded(null, List.of(), numbers(Utf8.present(value), null));
    }
    Fields fields = reader.read(values, value);
    return new Decoded(fields.id(), fields.labels(), numbers(file(fields), fields.id()));
  }

  private byte[] file(Fields fields) throws InvalidRecordException {
    byte[] bytes = fields.bytes();
    if (bytes != null) {
      return bytes;
    }
    String text = fields.text() == null ? "" : fields.text();
    try {
      return Base64.getDecoder().decode(text);
    } catch (IllegalArgumentException e) {
      throw new InvalidRecordException(field, "is not base64", fields.id());
    }
  }

  private FloatRows.Numbers numbers(byte[] file, @Nullable String id)
      throws InvalidRecordException {
    try {
      return new FloatRows.Numbers(floats(upright(ImageFile.read(file, settings.maxPixels()))));
    } catch (ImageFile.InvalidImageException e) {
      throw new InvalidRecordException(field, e.reason(), id);
    }
  }

  /**
   * Rotates the image upright by its EXIF orientation and converts it to the model's colours. It
   * copies raw samples because Java's own conversion to grey applies gamma.
   */
  private BufferedImage upright(ImageFile file) {
    BufferedImage stored = file.pixels();
    int w = stored.getWidth();
    int h = stored.getHeight();
    int o = file.orientation();
    boolean transposed = o >= 5;
    BufferedImage upright = canvas(transposed ? h : w, transposed ? w : h);
    if (o == 1 && stored.getType() == upright.getType()) {
      return stored;
    }
    byte[] target = ((DataBufferByte) upright.getRaster().getDataBuffer()).getData();
    int[][] row = new int[3][w];
    for (int y = 0; y < h; y++) {
      read(stored, y, row);
      for (int x = 0; x < w; x++) {
        int across = o == 2 || o == 3 || o == 7 || o == 8 ? w - 1 - x : x;
        int down = o == 3 || o == 4 || o == 6 || o == 7 ? h - 1 - y : y;
        put(row, x, target, transposed ? across * h + down : down * w + across);
      }
    }
    return upright;
  }

  /** Reads one row of the image as red, green, blue. */
  private static void read(BufferedImage image, int y, int[][] row) {
    int w = image.getWidth();
    if (image.getColorModel() instanceof IndexColorModel) {
      int[] rgb = image.getRGB(0, y, w, 1, null, 0, w);
      for (int x = 0; x < w; x++) {
        row[0][x] = rgb[x] >> 16 & 0xFF;
        row[1][x] = rgb[x] >> 8 & 0xFF;
        row[2][x] = rgb[x] & 0xFF;
      }
      return;
    }
    for (int c = 0; c < row.length; c++) {
      int band = image.getRaster().getNumBands() < row.length ? 0 : c;
      image.getRaster().getSamples(0, y, w, 1, band, row[c]);
    }
  }

  private void put(int[][] row, int x, byte[] target, int pixel) {
    if (frame.channels() == 1) {
      target[pixel] = (byte) ((299 * row[0][x] + 587 * row[1][x] + 114 * row[2][x] + 500) / 1000);
      return;
    }
    for (int c = 0; c < row.length; c++) {
      target[pixel * row.length + row.length - 1 - c] = (byte) row[c][x]; // BGR order
    }
  }

  private BufferedImage canvas(int width, int height) {
    return new BufferedImage(
        width,
        height,
        frame.channels() == 1 ? BufferedImage.TYPE_BYTE_GRAY : BufferedImage.TYPE_3BYTE_BGR);
  }

  private float[] floats(BufferedImage image) {
    Resampler resampler = new Resampler(image.getWidth(), image.getHeight(), target(image));
    int pixels = frame.width() * frame.height();
    float[] values = new float[pixels * frame.channels()];
    for (int c = 0; c < frame.channels(); c++) {
      float[] channel = resampler.channel(image.getRaster(), c);
      int from = frame.channelsFirst() ? c * pixels : c;
      int step = frame.channelsFirst() ? 1 : frame.channels();
      for (int i = 0; i < pixels; i++) {
        values[from + i * step] = (channel[i] / MAX_SAMPLE - mean[c]) / std[c];
      }
    }
    return values;
  }

  /**
   * Returns the target size: stretched to the model's size, or resized by the shorter side and
   * centre-cropped, with torchvision's rounding.
   */
  private Resampler.Target target(BufferedImage image) {
    int width = frame.width();
    int height = frame.height();
    if (settings.resize() > 0) {
      int shorter = Math.min(image.getWidth(), image.getHeight());
      width = (int) ((long) settings.resize() * image.getWidth() / shorter);
      height = (int) ((long) settings.resize() * image.getHeight() / shorter);
    }
    return new Resampler.Target(
        width,
        height,
        cropOffset(width - frame.width()),
        cropOffset(height - frame.height()),
        frame.width(),
        frame.height());
  }

  /** Rounds half to even, as Python does. */
  private static int cropOffset(int over) {
    return (int) Math.rint(over / 2.0);
  }

  @Override
  public List<ModelInput> batch(List<Decoded> records) {
    return rows.batch(records);
  }
}
