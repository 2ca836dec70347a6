package dev.headwater.adapt.align;

import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.schema.Verdict;

/**
 * What an alignment came to.
 *
 * @param head the candidate where the verdict accepts it, else the anchor: what should serve where
 *     no label speaks against it
 * @param source what travels with that head: where its classes lay before they moved
 * @param verdict judged on no label: agreement, confidence and proportions, by stable names
 */
public record Alignment(LinearHead head, SourceStatistics source, Verdict verdict) {}
