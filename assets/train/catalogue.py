"""The built-in styles: paintings whose painters died more than 70 years ago. Keywords are what a prompt may say of them."""


def _p(file, id, title, artist, year, movement, keywords):
    return {"file": file + ".jpg", "id": id, "title": title, "artist": artist, "year": year, "movement": movement, "keywords": keywords.split()}


PAINTINGS = [
    _p("starry_night", "starry-night", "The Starry Night", "Vincent van Gogh", 1889, "Post-Impressionism", "swirl swirling night sky stars blue yellow expressive bold strokes"),
    _p("self_portrait_straw_hat", "straw-hat", "Self-Portrait with Straw Hat", "Vincent van Gogh", 1887, "Post-Impressionism", "portrait yellow ochre short strokes warm"),
    _p("self_portrait_1889", "self-portrait-1889", "Self-Portrait", "Vincent van Gogh", 1889, "Post-Impressionism", "portrait teal turquoise swirl flowing"),
    _p("thatched_cottages", "thatched-cottages", "Thatched Cottages in the Sunshine", "Vincent van Gogh", 1890, "Post-Impressionism", "village sun green country warm bright"),
    _p("night_cafe", "night-cafe", "The Night Café", "Vincent van Gogh", 1888, "Post-Impressionism", "cafe red green lamp interior intense"),
    _p("olive_trees", "olive-trees", "Olive Trees", "Vincent van Gogh", 1889, "Post-Impressionism", "trees green grove wavy lines landscape"),
    _p("wheat_field_with_cypresses", "wheat-field", "Wheat Field with Cypresses", "Vincent van Gogh", 1889, "Post-Impressionism", "field wheat gold clouds cypress landscape summer"),
    _p("bathers_tahiti", "bathers-in-tahiti", "Bathers in Tahiti", "Paul Gauguin", 1897, "Post-Impressionism", "tropical flat warm island earth exotic"),
    _p("great_wave", "great-wave", "The Great Wave off Kanagawa", "Katsushika Hokusai", 1831, "Ukiyo-e", "wave sea ocean water blue japanese woodblock print lines ukiyo-e"),
    _p("the_scream", "the-scream", "The Scream", "Edvard Munch", 1893, "Expressionism", "orange red sky anxious wavy dramatic"),
    _p("shipwreck_minotaur", "shipwreck", "The Shipwreck of the Minotaur", "J. M. W. Turner", 1810, "Romanticism", "storm sea ship dark brown mist dramatic"),
    _p("etretat_manneporte", "etretat", "Cliffs at Étretat", "Claude Monet", 1885, "Impressionism", "sea cliff light pastel soft coast water"),
    _p("water_lilies", "water-lilies", "Water Lilies", "Claude Monet", 1906, "Impressionism", "pond garden flowers water green violet soft"),
    _p("seine_at_chatou", "river-landscape", "River Landscape", "Pierre-Auguste Renoir", 1875, "Impressionism", "river garden soft feathery light blue green"),
    _p("composition_vii", "composition-vii", "Composition VII", "Wassily Kandinsky", 1913, "Abstract", "abstract colourful colorful music chaos vivid"),
    _p("portrait_of_metzinger", "metzinger", "Portrait of Jean Metzinger", "Robert Delaunay", 1906, "Divisionism", "mosaic dots pointillist pointillism blocks portrait colourful"),
    _p("edtaonisl", "edtaonisl", "Edtaonisl", "Francis Picabia", 1913, "Cubism", "abstract shards metallic geometric purple"),
    _p("udnie", "udnie", "Udnie", "Francis Picabia", 1913, "Cubism", "abstract geometric dance brown grey planes"),
    _p("contrast_of_forms", "contrast-of-forms", "Contrast of Forms", "Fernand Léger", 1913, "Cubism", "tubes cylinders primary red blue white bold"),
    _p("composition_mondrian", "grid-composition", "Composition", "Piet Mondrian", 1913, "De Stijl", "grid lines grey ochre geometric architecture"),
    _p("woman_with_a_hat", "woman-with-a-hat", "Woman with a Hat", "Henri Matisse", 1905, "Fauvism", "wild colour portrait green pink vivid fauve fauvist"),
]
